"""The page's texts: each language has all of them, with the same places to fill in, and none that nobody shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions.common import errors
from local.home import ROOT

APP = ROOT / "functions" / "page" / "app"
LANGUAGES = sorted(path.stem for path in (APP / "texts").glob("*.json"))
# What both views show, what each of them does, and what rows and panels say later.
SECTIONS = ("first", "welcome", "work", "sending", "jobs", "later")
# What plural rules have for the numbers that people meet; Spanish has one more for millions (CLDR).
PLURALS = {"en": {"one", "other"}, "de": {"one", "other"}, "es": {"one", "many", "other"}}

# Operations that the page leaves to others: operators, programs, and the pages that links in mails lead to.
NOT_ASKED_FOR = {
    "addUser",
    "changeJobByQuery",
    "confirm",
    "deleteJobByPost",
    "deleteJobByQuery",
    "followJob",
    "reset",
    "revokeLinksByPost",
    "sendWebhookAgain",
    "showConfirmation",
    "showCover",
    "showDocument",
    "showPodcast",
    "showPodcastPicture",
    "showPublicKeys",
    "showReset",
    "showStopMails",
    "stopMails",
    "uploadByPut",
    "uploadNamed",
    "uploadNamedByPut",
}
# Errors for which `problem.other` is enough, and why.
UNSAID = {
    "bad_request": "only a wrong program sends it",
    "coded_body": "only a wrong program sends it",
    "expired_link": "the player asks for a fresh link",
    "headers_too_large": "the page sends few and short ones",
    "invalid_idempotency_key": "the page makes it",
    "invalid_ids": "the page lists them",
    "keys_not_taken": "the page sends none",
    "malformed_body": "only a wrong program sends it",
    "method_not_allowed": "only a wrong program sends it",
    "missing_file": "only a wrong program sends it",
    "no_chapters": "none are listed then",
    "no_cover": "the page asks for none",
    "no_peaks": "a flat line is drawn then",
    "not_failed": "the page offers it for no other job",
    "precondition_failed": "the page sends no condition",
    "range_not_satisfiable": "the browser's player asks for ranges",
    "too_many_files": "the page sends one",
    "too_many_streams": "the list is asked for again and again then",
}


def read(language: str) -> dict[str, dict[str, str | dict[str, str]]]:
    found: dict[str, dict[str, str | dict[str, str]]] = json.loads((APP / "texts" / f"{language}.json").read_text())
    return found


def places(text: str | dict[str, str]) -> set[str]:
    whole = text if isinstance(text, str) else text["other"]
    return set(re.findall(r"\{(\w+)\}", whole))


def all_texts(language: str) -> dict[str, str | dict[str, str]]:
    return {key: text for section in read(language).values() for key, text in section.items()}


def code() -> str:
    return "\n".join(path.read_text() for path in sorted(APP.glob("*.js")))


def test_there_are_three_languages_and_the_page_offers_them() -> None:
    assert LANGUAGES == ["de", "en", "es"]
    assert set(re.findall(r"texts/(\w+)\.json", (APP / "texts.js").read_text())) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_text(language: str) -> None:
    english, texts = read("en"), read(language)
    assert set(texts) == set(SECTIONS)
    for section in SECTIONS:
        assert set(texts[section]) == set(english[section])
        for key, text in texts[section].items():
            assert places(text) == places(english[section][key]), key
            assert isinstance(text, str) == isinstance(english[section][key], str), key
            if not isinstance(text, str):
                assert set(text) == PLURALS[language], key


@pytest.mark.parametrize("key", sorted(all_texts("en")))
def test_no_text_is_left_over(key: str) -> None:
    """A key stands in the code, or begins with what a template there begins with."""
    prefixes = [prefix for prefix in re.findall(r"`([\w.-]*)\$\{", code()) if "." in prefix]
    ends = {end for end in re.findall(r"\$\{\w+\}(\.[\w.]+)`", code())}
    whole = f'"{key}"' in code() or any(key.startswith(prefix) for prefix in prefixes)
    assert whole or any(key.endswith(end) for end in ends)


def test_every_key_in_the_code_has_a_text() -> None:
    english = all_texts("en")
    named = set(re.findall(r"\bt\(\s*\"([\w.-]+)\"", code()))
    assert len(named) > 100
    assert named <= set(english)


def codes() -> set[str]:
    """Return the codes of all errors that operations which the page asks for may answer with."""
    document = json.loads((ROOT / "functions" / "jobs" / "openapi.json").read_text())
    operations = {
        operation["operationId"]: operation
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    assert set(operations) >= NOT_ASKED_FOR
    found: set[str] = set()
    for name in operations.keys() - NOT_ASKED_FOR:
        for response in operations[name]["responses"].values():
            shared = response.get("$ref", "").rpartition("/")[2]
            content = (document["components"]["responses"][shared] if shared else response).get("content", {})
            problem = content.get("application/problem+json", {}).get("schema", {})
            found |= {code for part in problem.get("allOf", []) for code in enumerated(part)}
    return found


def enumerated(schema: dict[str, Any]) -> list[str]:
    listed: list[str] = schema.get("properties", {}).get("code", {}).get("enum", [])
    return listed


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_error_that_the_page_can_meet_has_a_sentence_or_none_on_purpose(language: str) -> None:
    known = {kind.code for kind in vars(errors).values() if isinstance(kind, errors.Kind)}
    sentences = {key.split(".")[1] for key in read(language)["later"] if key.startswith("problem.")}
    met = codes()
    assert len(met) > 50
    assert met - sentences == UNSAID.keys()
    assert sentences - {"other", "offline"} <= known
    # A job's failure is stored with its code, and may be one of those that no operation answers with.
    failed = {kind.code for kind in vars(errors).values() if isinstance(kind, errors.Kind) and kind.status == 422}
    assert failed <= sentences


def test_no_script_writes_html() -> None:
    """Trusted Types would refuse it, in browsers that have them."""
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment", code())


def test_all_addresses_are_relative() -> None:
    """The page works under any prefix: functions are beside it."""
    assert set(re.findall(r"[\"`](\.\./\w+)", code())) == {"../login", "../jobs", "../upload", "../download"}
    assert not re.findall(r"(?:fetch|call|open)\(\s*(?:\"\w+\", )?[\"`](?:/|https?:)", code())
    assert not any(
        Path(name).is_absolute() for name in re.findall(r'(?:href|src)="([^"]+)"', (APP / "index.html").read_text())
    )

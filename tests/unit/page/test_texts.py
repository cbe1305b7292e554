"""The page's texts: each language has all of them, with the same places to fill in, and none that nobody shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from functions.common import errors
from local.home import ROOT

APP = ROOT / "functions" / "page" / "app"
LANGUAGES = sorted(path.stem for path in (APP / "texts").glob("*.json"))
# What both views show, what each of them does, and what rows and panels say later.
SECTIONS = ("first", "welcome", "work", "sending", "jobs", "later")
# What plural rules have for the numbers that people meet; Spanish has one more for millions (CLDR).
PLURALS = {"en": {"one", "other"}, "de": {"one", "other"}, "es": {"one", "many", "other"}}


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


def test_each_reason_for_a_failed_conversion_has_a_sentence() -> None:
    failed = {kind.code for kind in vars(errors).values() if isinstance(kind, errors.Kind) and kind.status == 422}
    sentences = {key.removeprefix("problem.") for key in read("en")["later"] if key.startswith("problem.")}
    assert failed - {"idempotency_key_reused"} <= sentences
    assert sentences - {"other", "offline"} <= {
        kind.code for kind in vars(errors).values() if isinstance(kind, errors.Kind)
    }


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

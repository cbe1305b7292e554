"""The document of the API: it is valid, up to date, and says what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
from flask import Flask, request

from functions import openapi
from functions.common import config, options
from functions.common.errors import Failure
from functions.download import step as download
from functions.jobs import routes
from functions.login import paths
from functions.login import step as login
from local import stack_file
from tests.clients.described import Document

API = Document(json.loads(openapi.DOCUMENT.read_text()))
DOCUMENT = API.content
# Deliverers of events and operators' programs get these, people never.
NOT_FOR_PEOPLE = {"forbidden", "malformed_event", "wrong_state"}


def refusals() -> Iterator[tuple[str, int, set[str]]]:
    """Yield an operation's id, a status and the codes that come with it."""
    for _, _, operation in API.operations():
        for status, response in operation["responses"].items():
            problem = API.resolved(response).get("content", {}).get("application/problem+json")
            if problem:
                yield (
                    operation["operationId"],
                    int(status),
                    set(problem["schema"]["allOf"][1]["properties"]["code"]["enum"]),
                )


def nodes(found: Any = DOCUMENT, *steps: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield each object of the document with its place."""
    if isinstance(found, dict):
        yield steps, found
        for name, value in found.items():
            yield from nodes(value, *steps, name)
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from nodes(value, *steps, str(index))


def test_it_is_what_the_rooms_files_say() -> None:
    assert openapi.DOCUMENT.read_text() == openapi.text(openapi.document()), "run python -m functions.openapi"
    assert openapi.TABLE.read_text() == openapi.table(), "run python -m functions.openapi"
    assert openapi.RULES.read_text() == openapi.text(openapi.rules(openapi.document())), (
        "run python -m functions.openapi"
    )


def test_it_is_valid() -> None:
    openapi_spec_validator.validate(DOCUMENT)


def test_each_function_that_people_call_is_in_it() -> None:
    # The page is for people: programs have no use for it.
    called = {name for name in stack_file.functions() if not stack_file.takes_events(name)} - {"page"}
    assert {path.split("/")[1] for path in DOCUMENT["paths"]} == called == {tag["name"] for tag in DOCUMENT["tags"]}


def test_each_operation_has_an_id_and_a_sentence() -> None:
    assert all(operation["operationId"] and operation["summary"] for _, _, operation in API.operations())


def test_the_paths_of_login() -> None:
    documented = {path.removeprefix("/login").strip("/") for path in DOCUMENT["paths"] if path.startswith("/login")}
    assert documented == {"", ".well-known/jwks.json", "keys/{id}", *paths._PATHS}


@pytest.mark.parametrize("path", [path for path in DOCUMENT["paths"] if path.startswith("/login")])
def test_the_methods_of_login(path: str) -> None:
    target = path.removeprefix("/login") or "/?session"
    context = Flask("login").test_request_context(target, method="PROPFIND")
    with context, pytest.raises(Failure) as caught:
        login.answer(request, config.load_all((), {}))
    assert set(caught.value.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == API.methods_at(path)


def test_the_paths_of_download() -> None:
    documented = {
        path.removeprefix("/download").strip("/") for path in DOCUMENT["paths"] if path.startswith("/download")
    }
    named = {download._ARCHIVE, download._COVER, *download._BESIDE}
    assert documented == {"", "{fid}", *named}
    assert named <= {each["name"] for each in DOCUMENT["paths"]["/download"]["get"]["parameters"]}


def test_the_routes_of_jobs() -> None:
    """Each action has a path, and is a value of `do` for the same method."""
    at_job = {f"/jobs/{{id}}/{action}".rstrip("/"): set(found) for action, found in routes._AT.items()}
    of_all = {f"/jobs/{action}".rstrip("/"): set(found) for action, found in routes._OF_ALL.items() if action}
    of_all |= {f"/jobs/{path}": {"GET"} for path in routes.FIXED.values()}
    of_all |= {"/jobs/feed": set(routes._OF_FEED), "/jobs/feed/{secret}": set(routes._OF_PODCAST)}
    every = {method for found in routes._AT.values() for method in found}
    coded = {**at_job, **of_all, "/jobs": every}
    assert {path: API.methods_at(path) for path in DOCUMENT["paths"] if path.startswith("/jobs")} == {
        path: found - {"HEAD"} for path, found in coded.items()
    }
    for method in ("get", "post", "delete"):
        (do,) = (each for each in DOCUMENT["paths"]["/jobs"][method]["parameters"] if each["name"] == "do")
        assert set(do["schema"]["enum"]) == {
            name for name, found in routes._AT.items() if name and method.upper() in found
        }
    named = {each["name"] for each in DOCUMENT["paths"]["/jobs"]["get"]["parameters"] if each["in"] == "query"}
    assert routes.ROUTING | set(routes.FIXED) <= named


def test_each_code_has_its_status() -> None:
    known = {(kind.code, kind.status) for kind in openapi.KINDS.values()}
    assert [found for found in refusals() if not {(code, found[1]) for code in found[2]} <= known] == []


def test_each_error_that_people_get_is_in_it() -> None:
    documented = {(code, status) for _, status, codes in refusals() for code in codes}
    assert {(kind.code, kind.status) for kind in openapi.KINDS.values()} - documented == {
        (kind.code, kind.status) for kind in openapi.KINDS.values() if kind.code in NOT_FOR_PEOPLE
    }


def test_the_examples_fit_their_schemas() -> None:
    seen = 0
    for steps, node in nodes():
        if "value" in steps or steps[-1:] in (("examples",), ("example",), ("properties",)):
            continue
        examples = node.get("examples")
        if isinstance(examples, list):
            checks = [(each, node) for each in examples]
        elif isinstance(examples, dict) and "schema" in node:
            checks = [(API.resolved(each)["value"], node["schema"]) for each in examples.values()]
        elif "example" in node and "schema" in node:
            checks = [(node["example"], node["schema"])]
        else:
            continue
        for value, schema in checks:
            assert API.faults(value, schema) == [], (steps, value)
            seen += 1
    assert seen > 100


def test_each_named_schema_of_an_answer_has_an_example_or_is_used_by_one() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert all("examples" in schemas[name] for name in ("Job", "Accepted", "DoneAudio", "Link", "Token", "Waveform"))


@pytest.mark.parametrize("name", options.ALLOWED)
def test_an_option_takes_what_the_code_takes(name: str) -> None:
    parameter = DOCUMENT["components"]["parameters"][f"option_{name}"]
    assert options.ALLOWED[name] in parameter["description"]
    assert options.parse([(name, str(parameter["example"]))]).to_document()
    schema = parameter["schema"]
    numbers = [float(each) for each in re.findall(r"(?<![\w-])-?\d+(?:\.\d+)?", options.ALLOWED[name])]
    if "enum" in schema:
        assert schema["enum"] == numbers
    elif "minimum" in schema:
        assert [schema["minimum"], schema["maximum"]] == numbers
    elif "maxLength" in schema:
        assert [schema["minLength"], schema["maxLength"]] == numbers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start", "90"),
        ("start", "1:30.5"),
        ("start", "1:02:03"),
        ("start", "1:2:3:4"),
        ("start", "x"),
        ("end", "0.1234567"),
        ("track", "all"),
        ("track", "1+2"),
        ("track", "en-GB"),
        ("track", "1+2+3"),
        ("track", "english"),
        ("cover", "none"),
        ("cover", "1:30"),
        ("cover", "first"),
        ("title", ""),
        ("title", "x" * 301),
    ],
)
def test_a_text_fits_if_the_code_takes_it(name: str, value: str) -> None:
    try:
        taken = bool(options.parse([(name, value)]).to_document())
    except Failure:
        taken = False
    schema = DOCUMENT["components"]["parameters"][f"option_{name}"]["schema"]
    assert (API.faults(value, schema) == []) == taken


def test_all_options_are_in_each_place() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert (
        list(schemas["Options"]["properties"]) == list(schemas["ChosenOptions"]["properties"]) == list(options.ALLOWED)
    )
    assert set(schemas["UploadForm"]["properties"]) == {"file", options.WEBHOOK, *options.ALLOWED}

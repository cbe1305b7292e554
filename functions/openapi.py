"""Write the document of the API, the table of its errors, and the page's rules for options, from what each room says.

`python -m functions.openapi`, whenever an openapi.yaml, an option or an error was changed. It is no part of an image.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from functions.common import errors, options
from functions.common.errors import Kind

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE / "jobs" / "openapi.json"
TABLE = HERE / "ERRORS.md"
RULES = HERE / "page" / "app" / "rules.json"
METHODS = ("get", "put", "post", "delete", "patch")
KINDS: dict[str, Kind] = {name: value for name, value in vars(errors).items() if isinstance(value, Kind)}

_PROBLEM = "application/problem+json"
_PAGE = "text/html"
_TOKEN: dict[str, list[str]] = {"token": []}
_ABOUT_TABLE = """\
# Errors

Every error is `application/problem+json` (RFC 9457) with one of these codes, or a page with its sentence where `Accept`
prefers `text/html`, as in browsers. The codes are stable, the sentences may change.
What says "again" may work later. `python -m functions.openapi` writes this page from
[errors.py](common/errors.py), and [openapi.json](jobs/openapi.json) says which operation answers with which.

| status | code | sentence | |
|---|---|---|---|
"""


def document() -> dict[str, Any]:
    """Return the document of the API, merged from the files of all rooms."""
    shared_file = HERE / "common" / "openapi.yaml"
    shared = _read(shared_file)
    paths: dict[str, Any] = {}
    components = shared["components"]
    schemas = components["schemas"]
    _add_options(components, shared["x-options"])
    _add_examples(components, shared["x-members"])
    schemas["EndedJob"] = _without(schemas["Job"], "mail", "webhook")
    tags = []
    for file in sorted(HERE.glob("*/openapi.yaml")):
        function, room = file.parent.name, _read(file)
        if file == shared_file:
            continue
        tags.append({"name": function, "description": room["description"]})
        for name, schema in room["components"]["schemas"].items():
            if name in schemas:
                raise ValueError(f"two schemas have the name {name}")
            schemas[name] = schema
        for path, item in room["paths"].items():
            paths[f"/{function}{path.rstrip('/')}"] = _item(item, function, shared)
    form = schemas["UploadForm"]
    if form.pop("x-options"):
        form["properties"] |= schemas["ChosenOptions"]["properties"]
        form["not"] = schemas["ChosenOptions"]["not"]
    kept = {name: value for name, value in shared.items() if not name.startswith("x-")}
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    components["responses"] = _shared_refusals(paths)
    info = {**shared["info"], "version": project["version"]}
    return {**kept, "info": info, "tags": tags, "paths": paths, "components": components}


def table() -> str:
    """Return the page with all errors."""
    rows = sorted({(kind.status, kind.code, kind.title, "" if kind.permanent else "again") for kind in KINDS.values()})
    return _ABOUT_TABLE + "".join(
        f"| {status} | `{code}` | {title} | {again} |\n" for status, code, title, again in rows
    )


def rules(found: dict[str, Any]) -> dict[str, Any]:
    """Return what each option takes, for the page to check before it sends."""
    parameters = found["components"]["parameters"]
    return {parameters[f"option_{name}"]["name"]: parameters[f"option_{name}"]["schema"] for name in options.ALLOWED}


def text(found: dict[str, Any]) -> str:
    """Return a document as its file has it."""
    return json.dumps(found, indent=1) + "\n"


def example(kind: Kind) -> str:
    """Return the name of the example of an error."""
    same = [each for each in KINDS.values() if each.code == kind.code]
    return kind.code if len(same) == 1 else f"{kind.code}_{kind.status}"


def _read(path: Path) -> Any:
    # Without the aliases of YAML, of which one change would change all.
    return json.loads(json.dumps(yaml.safe_load(path.read_text())))


def _add_options(components: dict[str, Any], described: dict[str, Any]) -> None:
    given, stored, parameters = {}, {}, {}
    for name, allowed in options.ALLOWED.items():
        about = described[name]
        sentence = f"{about['description']}. It takes {allowed}."
        given[name] = {"description": sentence, **about["schema"], "examples": [about["example"]]}
        stored[name] = about.get("stored", about["schema"])
        parameters[f"option_{name}"] = {
            "name": name,
            "in": "query",
            "description": sentence,
            "schema": about["schema"],
            "example": about["example"],
        }
    components["parameters"] = parameters
    components["schemas"]["ChosenOptions"] = {
        "description": "What the MP3 should be like",
        "type": "object",
        "additionalProperties": False,
        "properties": given,
        "not": {"required": ["bitrate", "quality"]},
        "examples": [{"bitrate": 192, "title": "My talk"}],
    }
    components["schemas"]["Options"] = {
        "description": "The options that were given",
        "type": "object",
        "additionalProperties": False,
        "properties": stored,
    }


def _without(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    made: dict[str, Any] = deepcopy(schema)
    for known in (made["properties"], *made["examples"]):
        for name in names:
            known.pop(name, None)
    made["required"] = [name for name in made["required"] if name not in names]
    return made


def _add_examples(components: dict[str, Any], members: dict[str, Any]) -> None:
    components["examples"] = {
        example(kind): {
            "summary": kind.title,
            "value": {
                "type": "about:blank",
                "title": kind.title,
                "status": kind.status,
                "code": kind.code,
                **members.get(kind.code, {}),
                "request_id": "4f9c1d0e-8a53-4b7e-9c35-0d5f6a7b8c9d",
            },
        }
        for kind in KINDS.values()
    }


def _item(item: dict[str, Any], room: str, shared: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy(item)
    for method in METHODS:
        if method in made:
            made[method] = _operation(made[method], room, shared)
    return made


def _operation(operation: dict[str, Any], room: str, shared: dict[str, Any]) -> dict[str, Any]:
    made = {**operation, "tags": [room]}
    if _TOKEN in made["security"]:  # the page's session is taken wherever a token is
        made["security"] = [_TOKEN, {"session": []}, *(each for each in made["security"] if each != _TOKEN)]
    if made.pop("x-options", False):
        found = [{"$ref": f"#/components/parameters/option_{name}"} for name in options.ALLOWED]
        made["parameters"] = made["parameters"] + found
    for response in made["responses"].values():
        response["headers"] = response.get("headers", {}) | _headers(["X-Request-Id"])
    kinds = list(dict.fromkeys(_kinds(made, made.pop("x-problems", []), shared["x-problems"])))
    for status in sorted({kind.status for kind in kinds}):
        about = [kind for kind in kinds if kind.status == status]
        made["responses"][str(status)] = _refusal(about, shared["x-headers"].get(status, []))
    return made


def _kinds(operation: dict[str, Any], named: list[str], groups: dict[str, list[str]]) -> Iterator[Kind]:
    schemes = [scheme for each in operation["security"] for scheme in each]
    body = ["body"] if "requestBody" in operation else []
    for group in [*body, *schemes, "every"]:
        named = [*named, f"+{group}"]
    for name in named:
        members = groups[name.removeprefix("+")] if name.startswith("+") else [name]
        yield from (KINDS[member] for member in members)


def _refusal(kinds: list[Kind], headers: list[str]) -> dict[str, Any]:
    return {
        "description": " ".join(kind.title for kind in kinds),
        "headers": _headers(headers),
        "content": {
            _PROBLEM: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"properties": {"code": {"enum": [kind.code for kind in kinds]}}},
                    ]
                },
                "examples": {example(kind): {"$ref": f"#/components/examples/{example(kind)}"} for kind in kinds},
            },
            _PAGE: {"schema": {"type": "string"}},
        },
    }


def _shared_refusals(paths: dict[str, Any]) -> dict[str, Any]:
    """Replace each refusal by a reference, and return what they refer to: most are those of many operations."""
    found: dict[str, Any] = {}
    names: dict[str, str] = {}
    for responses in (item[method]["responses"] for item in paths.values() for method in METHODS if method in item):
        for status, response in responses.items():
            if _PROBLEM in response.get("content", {}):
                name = names.setdefault(json.dumps(response), f"problem_{status}_{len(names) + 1}")
                found[name] = response
                responses[status] = {"$ref": f"#/components/responses/{name}"}
    return found


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


if __name__ == "__main__":
    made = document()
    DOCUMENT.write_text(text(made))
    RULES.write_text(text(rules(made)))
    TABLE.write_text(table())

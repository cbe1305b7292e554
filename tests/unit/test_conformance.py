"""Each kind of mistake that Schemathesis must find in the system is found in an app that has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from tests.clients.conformance import REPEATABLE, drive
from tests.clients.serving import serving

KNOWN = dict.fromkeys(
    ("API_TOKEN", "API_OPERATOR", "API_EMAIL", "API_CHANGED_EMAIL", "API_CLOSED_EMAIL", "API_PASSWORD", "API_JOB"), "x"
)
NUMBER: dict[str, Any] = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
REFUSED: dict[str, Any] = {
    status: {"description": "Refused", "content": {"application/json": {"schema": {"type": "object"}}}}
    for status in ("400", "401", "405", "500")
}
PLANTED = {
    "GET /status": {"UndefinedStatusCode"},
    "GET /schema": {"JsonSchemaError"},
    "GET /type": {"UndefinedContentType"},
    "GET /header": {"MissingHeaders"},
    "GET /crash": {"ServerError"},
    "GET /lax": {"AcceptedNegativeData"},
    "GET /strict": {"RejectedPositiveData"},
    "GET /open": {"IgnoredAuth", "AcceptedNegativeData", "MissingHeaderNotRejected"},
    "GET /example": {"ServerError"},
    "PUT /method": {"UnsupportedMethodResponse"},
    "OPTIONS /method": {"AllowHeaderMismatch"},
}


def operation(**more: Any) -> dict[str, Any]:
    """Return a description: 200 with a number, or refused."""
    answer = {"description": "A number", "content": {"application/json": {"schema": NUMBER}}}
    return {"responses": {"200": answer, **REFUSED}, **more}


def described() -> dict[str, Any]:
    """Return the document of the app."""
    found = {path: operation() for path in ("sound", "status", "schema", "type", "header", "crash", "method")}
    found["header"]["responses"] = json.loads(json.dumps(found["header"]["responses"]))
    found["header"]["responses"]["200"]["headers"] = {"ETag": {"required": True, "schema": {"type": "string"}}}
    number = {"name": "n", "in": "query", "required": True, "schema": {"type": "integer"}}
    found |= {path: operation(parameters=[number]) for path in ("lax", "strict")}
    found["open"] = operation(security=[{"token": []}])
    text = {"name": "text", "in": "query", "schema": {"type": "string"}, "example": "planted"}
    found["example"] = operation(parameters=[text])
    return {
        "openapi": "3.1.1",
        "info": {"title": "Planted", "version": "1"},
        "paths": {f"/{path}": {"get": each} for path, each in found.items()},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def planted(seen: list[str]) -> Flask:
    """Return an app with a mistake at each path but one; `seen` gets its requests."""
    app = Flask("planted")

    @app.before_request
    def see() -> None:
        authorization = request.headers.get("Authorization", "")
        seen.append(f"{request.method} {request.full_path} {authorization} {request.get_data(as_text=True)}")

    @app.get("/openapi.json")
    def document() -> Response:
        return jsonify(described())

    @app.put("/method")
    @app.get("/<path>")
    def answer(path: str = "method") -> Any:
        right = {"n": 1}
        if path == "strict":
            return {}, 400
        answers: dict[str, Any] = {
            "status": (right, 202),
            "schema": {"n": "one"},
            "type": Response("1", content_type="text/plain"),
            "crash": ({}, 500),
        }
        if path == "example" and request.args.get("text") == "planted":
            return {}, 500
        return answers.get(path, right)

    @app.errorhandler(405)
    def wrong_method(error: Any) -> Any:
        return {}, 405, {"Allow": ", ".join(error.valid_methods)}

    return app


def test_each_mistake_is_found_by_the_same_requests_each_time(tmp_path: Path) -> None:
    seen: list[str] = []
    runs = []
    with serving(make_server("127.0.0.1", 0, planted(seen), threaded=True)) as server:
        gateway = f"http://127.0.0.1:{server.server_port}"
        for _ in range(2):
            seen.clear()
            found = drive(gateway, f"{gateway}/openapi.json", KNOWN, tmp_path, *REPEATABLE)
            assert found.failures == PLANTED, found.text
            runs.append(list(seen))
    assert runs[0] == runs[1]
    assert any("planted" in each for each in seen)

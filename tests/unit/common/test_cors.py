"""CORS: only pages of the origins in the setting may read answers, and a preflight tells them what they may send."""

from __future__ import annotations

import pytest
from flask import Flask, Response, request
from werkzeug.test import TestResponse

from functions.common import config, cors, web
from functions.common.settings import Serving

OURS, ANOTHER = "https://app.example.org", "https://evil.example.org"


def view() -> Response:
    web.allow(request, "GET", "PUT")
    return web.answer({}, headers={"Vary": "Authorization"})


@pytest.fixture
def app() -> Flask:
    app = Flask("room")
    every = ["GET", "PUT", "POST", "OPTIONS"]
    app.add_url_rule("/", view_func=view, methods=every, provide_automatic_options=False)
    web.install_error_handlers(app, events=False)
    cors.install(app, (OURS, "http://localhost:3000"))
    return app


def ask(app: Flask, method: str, origin: str | None, path: str = "/") -> TestResponse:
    headers = {"Origin": origin} if origin else {}
    return app.test_client().open(path, method=method, headers=headers)


def shared(answer: TestResponse) -> set[str]:
    """Return the names of the fields that say what a page may do."""
    return {name for name, _ in answer.headers if name.startswith("Access-Control")}


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/"), ("GET", "/nothing")])
def test_a_page_may_read_answers_and_errors(app: Flask, method: str, path: str) -> None:
    answer = ask(app, method, OURS, path)
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.vary


@pytest.mark.attack("C3")
def test_a_preflight_tells_what_may_be_sent(app: Flask) -> None:
    answer = ask(app, "OPTIONS", OURS)
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, PUT, OPTIONS")
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, PUT, OPTIONS"
    sent = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"Authorization", "Content-Type"} <= sent
    # The session of our own page rests on this.
    assert "X-Requested-With" not in sent
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.attack("C3")
@pytest.mark.parametrize("origin", [ANOTHER, "null", f"{OURS}.evil.org", "http://app.example.org", "https://app", None])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_others_may_not(app: Flask, method: str, origin: str | None) -> None:
    """A cache must not give them what a page of ours was given."""
    answer = ask(app, method, origin)
    assert shared(answer) == set()
    assert "Origin" in answer.vary


def test_other_fields_that_an_answer_depends_on_stay(app: Flask) -> None:
    assert set(ask(app, "GET", OURS).vary) == {"Authorization", "Origin"}


@pytest.mark.parametrize(
    "origins",
    ["*", "null", "app.example.org", "https://app.example.org/", "https://App.example.org", "https://a:0", "x://a"],
)
def test_what_is_no_origin_is_refused(origins: str) -> None:
    with pytest.raises(config.ConfigError, match=r"^CORS_ORIGINS must be origins such as https://app\.example\.org"):
        config.load(Serving, {"FUNCTION_TARGET": "jobs", "CORS_ORIGINS": origins})


def test_origins() -> None:
    given = {"FUNCTION_TARGET": "jobs", "CORS_ORIGINS": f"{OURS}, http://localhost:3000 http://[::1]:80"}
    assert config.load(Serving, given).cors_origins == (OURS, "http://localhost:3000", "http://[::1]:80")
    assert config.load(Serving, {"FUNCTION_TARGET": "jobs"}).cors_origins == ()

"""HTTP: authentication, body limits, and error responses."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from flask import Flask, Request, Response, abort, g
from flask.testing import FlaskClient
from werkzeug.exceptions import (
    BadGateway,
    Conflict,
    HTTPException,
    ImATeapot,
    InternalServerError,
    RequestEntityTooLarge,
    SecurityError,
)
from werkzeug.test import EnvironBuilder, TestResponse

from functions.common import errors, log, web
from functions.common.bearer import Bearer
from functions.common.errors import Failure, Kind
from functions.common.tokens import Signer, Verifier
from local.token_keys import private_key

HIDDEN = "mongodb://user:word@host/"
KINDS = [value for value in vars(errors).values() if isinstance(value, Kind)]
KEY = private_key()
SIGNER = Signer(KEY, 86_400)  # the token is signed when tests are collected, and a whole run takes a while
VERIFIER = Verifier(json.dumps(SIGNER.key_set))
ADA = Bearer("1", "ada@example.org")
TOKEN = SIGNER.sign(ADA)


def client(outcome: Exception | Callable[[], Any], *, events: bool = False) -> FlaskClient:
    """Return a client of an app whose only route returns or raises this."""
    app = Flask("test")

    @app.route("/", methods=["GET", "POST"])
    def root() -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome()

    app.register_error_handler(500, lambda error: str(error))  # like functions-framework
    web.install_error_handlers(app, events=events)
    return app.test_client()


def body(answer: TestResponse) -> dict[str, Any]:
    """Return the JSON fields of a response."""
    fields: dict[str, Any] = json.loads(answer.text)
    return fields


def failure(kind: Kind) -> Failure:
    """Return a failure caused by a driver's error."""
    made = Failure(kind)
    made.__cause__ = OSError(HIDDEN)
    return made


def request(*authorizations: str, method: str = "POST") -> Request:
    """Return a request with these Authorization fields."""
    return Request(
        EnvironBuilder(method=method, headers=[("Authorization", each) for each in authorizations]).get_environ()
    )


def sending(content: bytes, length: int | None) -> Request:
    """Return a request like gunicorn's: it ends the stream itself, whatever the declared length."""
    environ = EnvironBuilder(method="POST").get_environ()
    environ |= {"wsgi.input": io.BytesIO(content), "wsgi.input_terminated": True, "CONTENT_LENGTH": str(length or "")}
    return Request(environ)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.code}-{kind.status}")
def test_a_failure_becomes_its_error_response(kind: Kind) -> None:
    """As in RFC 9457, and without the driver's text."""
    answer = client(failure(kind)).get("/")
    assert (answer.status_code, answer.content_type) == (kind.status, "application/problem+json")
    assert body(answer) == {
        "type": "about:blank",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "request_id": log.request_id.get(),
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.status == 401], ids=lambda kind: str(kind.code))
def test_every_401_has_a_challenge(kind: Kind) -> None:
    """A token, unless the function requires something else (RFC 9110, section 15.5.2)."""
    assert client(Failure(kind)).get("/").headers["WWW-Authenticate"] == 'Bearer realm="mp3converter"'
    basic = client(web.challenge(kind, "Basic")).get("/")
    assert basic.headers.getlist("WWW-Authenticate") == ['Basic realm="mp3converter"']


def test_other_responses_have_no_challenge() -> None:
    assert "WWW-Authenticate" not in client(Failure(errors.ACCOUNT_DISABLED)).get("/").headers


def test_a_failure_may_add_fields_and_headers() -> None:
    answer = client(Failure(errors.NOT_READY, {"Retry-After": "5"}, state="queued")).get("/")
    assert (answer.headers["Retry-After"], body(answer)["state"]) == ("5", "queued")


def test_a_response_has_the_request_id() -> None:
    before = log.request_id.set("abc")
    try:
        assert body(client(Failure(errors.NOT_FOUND)).get("/"))["request_id"] == "abc"
    finally:
        log.request_id.reset(before)


@pytest.mark.attack("E6")
@pytest.mark.parametrize("events", [False, True])
def test_an_event_that_is_too_long_is_invalid(events: bool) -> None:
    """A sender would retry a 413, although the body stays too long."""
    answer = client(Failure(errors.FILE_TOO_LARGE), events=events).post("/")
    expected = errors.MALFORMED_EVENT if events else errors.FILE_TOO_LARGE
    assert (answer.status_code, body(answer)["code"]) == (expected.status, expected.code)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(HIDDEN), BadGateway(HIDDEN)], ids=lambda error: type(error).__name__
)
@pytest.mark.parametrize("events", [False, True])
def test_an_unexpected_error(events: bool, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A sender drops the message after a 500 and retries after a 503; the log has the details."""
    answer = client(error, events=events).post("/")
    expected = errors.UNAVAILABLE if events else errors.INTERNAL
    assert (answer.status_code, body(answer)["code"]) == (expected.status, expected.code)
    assert "word" not in answer.text
    assert [(record.levelno, record.message) for record in caplog.records] == [(logging.ERROR, "unexpected error")]
    assert caplog.records[0].exc_info
    assert caplog.records[0].exc_info[1] is error


@pytest.mark.parametrize(
    ("error", "status"),
    [(Conflict(HIDDEN), 409), (RequestEntityTooLarge(), 413), (ImATeapot(), 418), (SecurityError(HIDDEN), 400)],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_the_framework_keep_their_status(error: HTTPException, status: int) -> None:
    answer = client(error).post("/")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert body(answer)["code"] == "bad_request"
    assert body(answer)["title"] == errors.BAD_REQUEST.title
    assert body(answer)["status"] == status


def test_unknown_paths_and_methods() -> None:
    plain = client(lambda: "")
    answer = plain.get("/other")
    assert (answer.status_code, body(answer)["code"]) == (404, "not_found")
    answer = plain.delete("/")
    assert (answer.status_code, body(answer)["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_wrapped_error_is_logged_itself(caplog: pytest.LogCaptureFixture) -> None:
    original = ZeroDivisionError(HIDDEN)
    answer = client(InternalServerError(original_exception=original)).get("/")
    assert (answer.status_code, body(answer)["code"]) == (500, "internal")
    assert caplog.records[0].exc_info
    assert caplog.records[0].exc_info[1] is original


@pytest.mark.parametrize("wrap", [abort, lambda response: Conflict(response=response)], ids=["aborted", "raised"])
def test_a_raised_response_is_returned_unchanged(wrap: Callable[[Response], Any]) -> None:
    def outcome() -> Any:
        raise wrap(Response("moved", 302, {"Location": "/x"}))

    answer = client(outcome).get("/")
    assert (answer.status_code, answer.text, answer.headers["Location"]) == (302, "moved", "/x")


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (errors.NOT_FOUND, logging.INFO),
        (errors.INVALID_TOKEN, logging.INFO),
        (errors.NOT_READY, logging.WARNING),
        (errors.UNAVAILABLE, logging.WARNING),
        (errors.INTERNAL, logging.WARNING),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_the_log_has_the_cause(kind: Kind, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """A transient error is a warning; errors that only the client can fix are less severe."""
    caplog.set_level(logging.INFO)
    client(failure(kind)).get("/")
    assert [(record.levelno, record.message) for record in caplog.records] == [(level, "refused")]
    assert vars(caplog.records[0])["code"] == kind.code
    assert vars(caplog.records[0])["cause"] == repr(OSError(HIDDEN))


def test_a_failure_without_a_cause_logs_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client(Failure(errors.NOT_FOUND)).get("/")
    assert vars(caplog.records[0])["cause"] is None


def test_responses_are_one_line_of_json_and_not_cached() -> None:
    made = web.answer({"id": "ü"}, 202, {"Location": "/x"})
    assert (made.status_code, made.content_type, made.headers["Location"]) == (202, "application/json", "/x")
    assert made.get_data() == b'{"id": "\\u00fc"}\n'
    assert made.headers["Cache-Control"] == "no-store"
    plain = web.text("ü")
    assert (plain.content_type, plain.get_data()) == ("text/plain; charset=utf-8", "ü".encode())
    assert plain.headers["Cache-Control"] == "no-store"


def test_a_function_may_allow_caching() -> None:
    made = web.answer({}, headers={"Cache-Control": "public, max-age=300"})
    assert made.headers.getlist("Cache-Control") == ["public, max-age=300"]
    assert web.answer({}).headers["Cache-Control"] == "no-store"


def test_methods() -> None:
    web.allow(request(method="HEAD"), "GET", "HEAD")
    with pytest.raises(Failure) as refused:
        web.allow(request(method="POST"), "GET", "HEAD")
    assert (refused.value.kind, refused.value.headers) == (errors.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD, OPTIONS"})


def test_options_tells_the_methods() -> None:
    with pytest.raises(HTTPException) as told:
        web.allow(request(method="OPTIONS"), "GET", "HEAD")
    answer = told.value.response
    assert answer is not None
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.attack("A9")
@pytest.mark.parametrize("field", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}  "], ids=lambda f: f[:8])
def test_a_token_is_accepted(field: str) -> None:
    """The scheme is case-insensitive (RFC 9110, section 11.1)."""
    assert web.bearer(request(field), VERIFIER) == ADA


def test_a_missing_token_gets_a_challenge() -> None:
    """Without an error code, as RFC 6750, section 3.1 requires."""
    with pytest.raises(Failure) as refused:
        web.bearer(request(), VERIFIER)
    assert refused.value.kind is errors.UNAUTHORIZED
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer realm="mp3converter"'}


@pytest.mark.attack("A9")
@pytest.mark.parametrize(
    "fields",
    [
        (TOKEN,),
        ("",),
        ("Bearer",),
        ("Bearer ",),
        (f"Basic {TOKEN}",),
        (f"Bearer\t{TOKEN}",),
        (f"Bearer\u00a0{TOKEN}",),
        (f"Bearer {TOKEN}x",),
        (f"Bearer x {TOKEN}",),
        (f"Bearer {TOKEN} x",),
        (f'Bearer "{TOKEN}"',),
        (f"Bearer {TOKEN}\t",),
        (f"Bearer {TOKEN}", f"Bearer {TOKEN}"),
        (f"Basic YTpi, Bearer {TOKEN}",),
    ],
    ids=range(14),
)
def test_anything_else_is_an_invalid_token(fields: tuple[str, ...]) -> None:
    with pytest.raises(Failure) as refused:
        web.bearer(request(*fields), VERIFIER)
    assert refused.value.kind is errors.INVALID_TOKEN
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer realm="mp3converter", error="invalid_token"'}


def test_the_reason_for_refusing_a_token_is_logged() -> None:
    with pytest.raises(Failure) as refused:
        web.bearer(request(f"Bearer {Signer(KEY, -60).sign(ADA)}"), VERIFIER)
    assert refused.value.kind is errors.INVALID_TOKEN
    assert isinstance(refused.value.__cause__, jwt.ExpiredSignatureError)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("size", [0, 1, 9, 10])
@pytest.mark.parametrize("declared", [True, False])
def test_a_small_body_is_read_to_its_end(size: int, declared: bool) -> None:
    assert web.small_body(sending(b"x" * size, size if declared else None), 10) == b"x" * size


@pytest.mark.parametrize(("size", "length"), [(11, 11), (11, None), (11, 5), (0, 11), (10**6, None)])
def test_a_longer_body_is_refused(size: int, length: int | None) -> None:
    """With and without a declared length; no more is read than necessary."""
    long = sending(b"x" * size, length)
    with pytest.raises(Failure) as refused:
        web.small_body(long, 10)
    assert refused.value.kind is errors.FILE_TOO_LARGE
    assert long.environ["wsgi.input"].tell() <= 11


class UnreadableBody(io.RawIOBase):
    """A body that must not be read."""

    def readable(self) -> bool:
        """Return True, because werkzeug asks."""
        return True

    def readinto(self, _buffer: Any) -> int:
        """Fail the test."""
        raise AssertionError("the body was read")


def test_a_body_with_a_longer_declared_length_is_not_read() -> None:
    environ = sending(b"", 65_537).environ | {"wsgi.input": UnreadableBody()}
    with pytest.raises(Failure):
        web.small_body(Request(environ))


@pytest.mark.attack("E6")
def test_an_event_may_have_64_kibibytes() -> None:
    assert len(web.small_body(sending(b"x" * 65_536, None))) == 65_536
    with pytest.raises(Failure):
        web.small_body(sending(b"x" * 65_537, None))


def test_deferred_work_is_kept_in_order_per_request() -> None:
    done: list[str] = []
    app = Flask("test")
    with app.test_request_context():
        web.after_response(lambda: done.append("first"))
        web.after_response(lambda: done.append("second"))
        assert done == []
        for work in g.after_response:
            work()
    assert done == ["first", "second"]
    with app.test_request_context():
        assert "after_response" not in g

"""Access lines: one for each request, with what was really sent, and nothing of the request before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.test import EnvironBuilder, run_wsgi_app

from functions.common import access

closed: list[str] = []


def blocks() -> Iterator[bytes]:
    try:
        yield from (b"one", b"two", b"three")
    finally:
        closed.append("blocks")


def build() -> Flask:
    app = Flask("access")

    @app.before_request
    def begin() -> None:
        access.begin()

    @app.after_request
    def log(response: Response) -> Response:
        access.log_when_sent(response, time.monotonic() - 2)
        return response

    @app.route("/text", methods=["GET", "POST", "X" * 30])
    def text() -> Response:
        access.about(user="7")
        access.about(job="ID")
        return Response("four", 201)

    @app.get("/stream")
    def stream() -> Response:
        return Response(blocks())

    return app


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    names = ("method", "status", "user", "job", "bytes")
    return [{name: vars(each)[name] for name in names if name in vars(each)} for each in caplog.records]


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    closed.clear()


def started(path: str, method: str = "GET") -> Any:
    """Return the body of a response as a server gets it: to be read and closed."""
    body, _, _ = run_wsgi_app(build(), EnvironBuilder(path, method=method).get_environ())
    return body


def read(path: str, method: str = "GET") -> bytes:
    """Read a response's body and close it."""
    body = started(path, method)
    content = b"".join(body)
    body.close()
    return content


def test_each_request_has_a_line(caplog: pytest.LogCaptureFixture) -> None:
    assert read("/text") == b"four"
    assert read("/text", "HEAD") == b""
    missing = read("/missing")
    about = {"user": "7", "job": "ID"}
    assert lines(caplog) == [
        {"method": "GET", "status": 201, **about, "bytes": 4},
        {"method": "HEAD", "status": 201, **about, "bytes": 0},
        {"method": "GET", "status": 404, "bytes": len(missing)},
    ]
    assert {(each.levelname, each.message) for each in caplog.records} == {("INFO", "request")}
    assert all(2000 <= vars(each)["milliseconds"] < 10_000 for each in caplog.records)


def test_a_stream_is_counted_as_it_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    body = started("/stream")
    assert b"".join(body) == b"onetwothree"
    assert not caplog.records
    body.close()
    assert lines(caplog) == [{"method": "GET", "status": 200, "bytes": 11}]
    assert closed == ["blocks"]


def test_a_stream_that_the_client_left(caplog: pytest.LogCaptureFixture) -> None:
    """Its second block was asked for, so the first was sent."""
    body = started("/stream")
    assert [next(body), next(body)] == [b"one", b"two"]
    body.close()
    assert lines(caplog) == [{"method": "GET", "status": 200, "bytes": 3}]
    assert closed == ["blocks"]


def test_a_method_may_have_any_length(caplog: pytest.LogCaptureFixture) -> None:
    read("/text", "X" * 30)
    assert [line["method"] for line in lines(caplog)] == ["X" * 20]


def test_nothing_is_known_outside_of_a_request() -> None:
    access.about(job="ID")
    access.begin()

"""Log lines: one JSON object per line, whatever the message, with the ids of the request."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.common import log, trace
from tests.unit import process_logging

LOGGER = logging.getLogger("tests.log")


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    """Without a request or a trace of another test."""
    request = log.request_id.set("")
    current = trace._current.set("")
    yield
    log.request_id.reset(request)
    trace._current.reset(current)


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The log output of a process with our logging; the tests' logging is restored afterwards."""
    with process_logging.restored():
        yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def written(message: object, *arguments: object, **more: Any) -> dict[str, Any]:
    """Return the fields of a record's line."""
    record = LOGGER.makeRecord("n", more.pop("level", logging.INFO), "f", 1, message, arguments, None, **more)
    text = log.JsonLines("login").format(record)
    assert text.isascii()
    assert text.isprintable()
    assert len(text.splitlines()) == 1
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_fields_of_every_line() -> None:
    line = written("took %d of %s", 2, "three", level=logging.WARNING)
    assert line.pop("time")
    assert line == {"level": "WARNING", "function": "login", "message": "took 2 of three"}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1_800_000_000.0, "2027-01-15T08:00:00.000Z"),
        (1_800_000_000.25, "2027-01-15T08:00:00.250Z"),
        (1_800_000_000.9999, "2027-01-15T08:00:00.999Z"),
    ],
)
def test_the_time_is_in_utc_with_milliseconds(seconds: float, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: seconds)
    monkeypatch.setattr(time, "time_ns", lambda: int(seconds * 1000) * 1_000_000)  # logging asks it since Python 3.13
    try:
        assert written("x")["time"] == shown
    finally:
        monkeypatch.undo()
        time.tzset()


def test_extra_becomes_fields() -> None:
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    line = written("x", extra={"job": "1", "code": None, "jobs": ["1", "2"], "at": moment, "path": Path("/a")})
    assert (line["job"], line["code"], line["jobs"]) == ("1", None, ["1", "2"])
    assert (line["at"], line["path"]) == (str(moment), "/a")


def test_lines_have_the_request_id() -> None:
    assert "request_id" not in written("x")
    log.request_id.set("abc")
    assert written("x")["request_id"] == "abc"


@pytest.mark.attack("S2")
@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\r\n{}", "a\u2028b\u2029c\x85d", "\x1b[2J", "\x9b2J", "\\\x7f", '"}', "Grüße 😀", "\ud800"],
    ids=ascii,
)
def test_no_text_can_start_another_line(text: str) -> None:
    """Names and messages come from users, who could try to forge lines."""
    line = written(text, extra={"cause": text})
    assert (line["message"], line["cause"]) == (text, text)


def test_an_exception_is_a_field_with_its_traceback() -> None:
    try:
        raise OSError("no\nspace")
    except OSError:
        record = LOGGER.makeRecord("n", logging.ERROR, "f", 1, "x", (), sys.exc_info())
    text = log.JsonLines("login").format(record)
    assert len(text.splitlines()) == 1
    assert json.loads(text)["exception"].startswith("Traceback (most recent call last)")
    assert json.loads(text)["exception"].endswith("OSError: no\nspace")


@pytest.mark.attack("S3")
def test_a_traceback_shows_no_local_variables() -> None:
    password = "correct horse"
    try:
        int(password[:0])
    except ValueError:
        record = LOGGER.makeRecord("n", logging.ERROR, "f", 1, "x", (), sys.exc_info())
    text = log.JsonLines("login").format(record)
    assert "int(password[:0])" in text
    assert password not in text


def test_setup_sends_every_logger_to_standard_error(stderr: Callable[[], list[dict[str, Any]]]) -> None:
    log.setup("login")
    log.setup("sweep")
    LOGGER.debug("unheard")
    LOGGER.info("heard")
    assert [(line["function"], line["message"]) for line in stderr()] == [("sweep", "heard")]


def test_the_log_level_is_configurable(stderr: Callable[[], list[dict[str, Any]]]) -> None:
    log.setup("login", "ERROR")
    LOGGER.warning("unheard")
    LOGGER.error("heard")
    assert [line["message"] for line in stderr()] == ["heard"]


def test_pika_does_not_log(stderr: Callable[[], list[dict[str, Any]]]) -> None:
    """It logs failures that we log ourselves, with addresses and tracebacks."""
    log.setup("sweep", "DEBUG")
    logging.getLogger("pika.adapters.blocking_connection").error("Connection workflow failed")
    assert stderr() == []

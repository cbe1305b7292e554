"""Traces: which ones are continued and which are started, and the fields in log lines."""

from __future__ import annotations

import json
import logging

import pytest

from functions.common import trace
from functions.common.log import JsonLines

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("text", [GIVEN, f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-comes"])
def test_the_callers_trace_is_continued(text: str) -> None:
    """The trace id and flags are kept, the span id is new."""
    trace.begin(text)
    version, trace_id, span_id, flags = trace.current().split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert span_id != SPAN
    assert trace.parse(trace.current()) == trace.current()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "no trace",
        GIVEN.upper(),
        f"{GIVEN}-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"{GIVEN}\n",
        GIVEN[:-1],
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_anything_else_starts_a_trace(text: str | None) -> None:
    assert trace.parse(text) is None
    trace.begin(text)
    first = trace.current()
    assert trace.parse(first) == first
    trace.begin(text)
    assert trace.current()[3:35] != first[3:35]


def test_a_job_without_a_trace_changes_nothing() -> None:
    trace.begin(GIVEN)
    before = trace.current()
    trace.follow(None)
    with trace.following(""):
        assert trace.current() == before


def test_following_ends() -> None:
    trace.begin()
    before = trace.current()
    with trace.following(GIVEN):
        assert trace.current()[3:35] == TRACE
    assert trace.current() == before


def test_a_log_line_names_them() -> None:
    trace.begin(GIVEN)
    line = json.loads(JsonLines("login").format(logging.makeLogRecord({"msg": "hello"})))
    assert (line["trace_id"], line["span_id"]) == (TRACE, trace.current()[36:52])

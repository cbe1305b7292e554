"""Traces: W3C Trace Context, passed on from the upload to the mail.

An upload continues its caller's trace or begins one, and stores it in the job; events and the mail carry it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# W3C Trace Context 3.2.2: later versions are read as version 00.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

_current: ContextVar[str] = ContextVar("traceparent", default="")


def parse(text: object) -> str | None:
    """Return a traceparent in the form of version 00, or None if the text is not valid."""
    found = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
    if found is None or (found[1] == "00" and found[5]):
        return None
    return f"00-{found[2]}-{found[3]}-{found[4]}"


def begin(caller: object = None) -> None:
    """Continue the caller's trace with a new span, or begin a trace."""
    given = parse(caller)
    trace_id, flags = (given[3:35], given[-2:]) if given else (secrets.token_hex(16), "00")
    _current.set(f"00-{trace_id}-{secrets.token_hex(8)}-{flags}")


def follow(traceparent: object) -> None:
    """Continue the trace of a job, if it has one."""
    if parse(traceparent):
        begin(traceparent)


@contextmanager
def following(traceparent: object) -> Iterator[None]:
    """Continue the trace of a job within a block."""
    before = _current.get()
    follow(traceparent)
    try:
        yield
    finally:
        _current.set(before)


def current() -> str:
    """Return the current traceparent, or an empty text outside of a request."""
    return _current.get()


def fields(traceparent: str) -> dict[str, str]:
    """Return the fields of a log line for a traceparent, with OpenTelemetry's names."""
    return {"trace_id": traceparent[3:35], "span_id": traceparent[36:52]} if traceparent else {}

"""Traces: which upload a step belongs to, by W3C Trace Context, carried by hand from the upload to its mail.

An upload continues its caller's trace or begins one, and writes it into the job. Events and the mail carry it on.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# W3C Trace Context 3.2.2: of a version after 00 only what 00 knows is read.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

_current: ContextVar[str] = ContextVar("traceparent", default="")


def parse(text: object) -> str | None:
    """Return a traceparent as version 00 writes it, or nothing for any other text."""
    found = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
    if found is None or (found[1] == "00" and found[5]):
        return None
    return f"00-{found[2]}-{found[3]}-{found[4]}"


def begin(caller: object = None) -> None:
    """Continue the trace that a caller names with a span of our own, or begin a trace."""
    given = parse(caller)
    trace_id, flags = (given[3:35], given[-2:]) if given else (secrets.token_hex(16), "00")
    _current.set(f"00-{trace_id}-{secrets.token_hex(8)}-{flags}")


def follow(job: object) -> None:
    """Continue the trace of a job, if it has one: from here on the work is for it."""
    if parse(job):
        begin(job)


@contextmanager
def following(job: object) -> Iterator[None]:
    """Continue the trace of a job for a while."""
    before = _current.get()
    follow(job)
    try:
        yield
    finally:
        _current.set(before)


def current() -> str:
    """Return the traceparent of what is being done, or nothing where no request is."""
    return _current.get()


def fields(traceparent: str) -> dict[str, str]:
    """Return what a log line says of a traceparent, under OpenTelemetry's names."""
    return {"trace_id": traceparent[3:35], "span_id": traceparent[36:52]} if traceparent else {}

"""Ranges: which bytes of a file a request asks for (RFC 9110 section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from flask import Request
from werkzeug.http import parse_date, quote_etag

from functions.common.errors import RANGE_NOT_SATISFIABLE, Failure

_NO_BYTES = re.compile(r"bytes *= *-0+", re.IGNORECASE)  # the last zero bytes


@dataclass(frozen=True)
class Span:
    """The bytes from `start` up to, not including, `stop`; `partial` if the request has a valid range."""

    start: int
    stop: int
    partial: bool


def requested(request: Request, length: int, etag: str, modified: datetime) -> Span:
    """Return the bytes to answer with.

    That is the whole file if the range is malformed, in another unit, one of several, or of another version of the
    file. Raises Failure(RANGE_NOT_SATISFIABLE) if the range begins after the end, or has no bytes.
    """
    whole = Span(0, length, partial=False)
    if request.method != "GET" or not _is_of(request, etag, modified):
        return whole
    refusal = Failure(RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{length}"})
    asked = request.range
    if asked is None and _NO_BYTES.fullmatch(request.headers.get("Range", "")):
        raise refusal
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return whole
    first, _ = asked.ranges[0]
    if first is not None and first < 0 and length:  # a suffix; one longer than the file is the whole file
        return Span(max(0, length + first), length, partial=True)
    span = asked.range_for_length(length)
    if span is None or (first is not None and first >= length):
        raise refusal
    return Span(span[0], span[1], partial=True)


def _is_of(request: Request, etag: str, modified: datetime) -> bool:
    """Tell whether a range is of this version of the file (RFC 9110 section 13.1.5)."""
    version = request.headers.get("If-Range")
    if version is None:
        return True
    # A strong comparison: what weakens a tag on the way may have changed the bytes.
    return version == quote_etag(etag) or parse_date(version) == modified.replace(microsecond=0)

"""Ranges: which bytes of a file a request asks for (RFC 9110 section 14)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request
from werkzeug.http import quote_etag

from functions.common.errors import RANGE_NOT_SATISFIABLE, Failure


@dataclass(frozen=True)
class Span:
    """The bytes from `start` up to, not including, `stop`; `partial` if the request has a valid range."""

    start: int
    stop: int
    partial: bool


def requested(request: Request, length: int, etag: str) -> Span:
    """Return the bytes to answer with.

    That is the whole file if the range is malformed, in another unit, one of several, or of another version of the
    file. Raises Failure(RANGE_NOT_SATISFIABLE) if the range begins after the end.
    """
    whole = Span(0, length, partial=False)
    asked = request.range
    if request.method != "GET" or asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return whole
    # A strong comparison (RFC 9110 section 13.1.5): what weakens a tag on the way may have changed the bytes.
    if request.headers.get("If-Range", quote_etag(etag)) != quote_etag(etag):
        return whole
    first, _ = asked.ranges[0]
    if first is not None and first < 0 and length:  # a suffix; one longer than the file is the whole file
        return Span(max(0, length + first), length, partial=True)
    span = asked.range_for_length(length)
    if span is None or (first is not None and first >= length):
        raise Failure(RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{length}"})
    return Span(span[0], span[1], partial=True)

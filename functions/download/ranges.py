"""Ranges: which bytes of a file a request asks for (RFC 9110 section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from flask import Request
from werkzeug.http import parse_date, quote_etag

from functions.common.errors import RANGE_NOT_SATISFIABLE, Failure

_BYTES = re.compile(r"[ \t]*bytes[ \t]*=(.*)", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_MOST_RANGES = 16  # each may cost reading a whole chunk
_MOST_DIGITS = 18  # no file is longer than such a number
_GAP_BYTES = 128  # a part's head takes about as many


class Span(NamedTuple):
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    def of(self, length: int) -> str:
        """Return its Content-Range in a file of this length."""
        return f"bytes {self.start}-{self.stop - 1}/{length}"


def requested(request: Request, length: int, etag: str, modified: datetime) -> list[Span]:
    """Return the parts of the file to answer with, in the order of the request; none for the whole file.

    That is the answer if the ranges are malformed, in another unit, too many, or of another version of the file.
    Parts that overlap or nearly touch become one. Raises Failure(RANGE_NOT_SATISFIABLE) if no range has any bytes.
    """
    asked = request.headers.get("Range")
    if asked is None or request.method != "GET" or not _is_of(request, etag, modified):
        return []
    pairs = _parsed(asked)
    if not pairs:
        return []
    spans = [span for pair in pairs if (span := _span(*pair, length)).start < span.stop]
    if not spans:
        raise Failure(RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{length}"})
    return _joined(spans)


def _is_of(request: Request, etag: str, modified: datetime) -> bool:
    """Tell whether a range is of this version of the file (RFC 9110 section 13.1.5)."""
    version = request.headers.get("If-Range")
    if version is None:
        return True
    # A strong comparison: what weakens a tag on the way may have changed the bytes.
    return version == quote_etag(etag) or parse_date(version) == modified.replace(microsecond=0)


def _parsed(asked: str) -> list[tuple[int | None, int | None]]:
    """Return the first and last positions; only the last one for a suffix. None if they are malformed or too many.

    Werkzeug's parser rejects ranges that overlap or are out of order, and those that have no bytes.
    """
    found = _BYTES.fullmatch(asked)
    words = [word for each in found[1].split(",") if (word := each.strip(" \t"))] if found else []
    ranges = [_RANGE.fullmatch(word) for word in words[: _MOST_RANGES + 1]]
    pairs = [(_number(each[1]), _number(each[2])) for each in ranges if each]
    valid = all((first or 0) <= last if last is not None else first is not None for first, last in pairs)
    return pairs if valid and len(pairs) == len(words) <= _MOST_RANGES else []


def _number(digits: str) -> int | None:
    if not digits:
        return None
    # Python refuses to read numbers of thousands of digits.
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


def _span(first: int | None, last: int | None, length: int) -> Span:
    if first is None:
        return Span(max(0, length - (last or 0)), length)
    return Span(first, length if last is None else min(last + 1, length))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans with those that overlap or nearly touch as one, at the place of the first of them."""
    joined: list[Span] = []
    for span in spans:
        near = [
            each for each in joined if span.start <= each.stop + _GAP_BYTES and each.start <= span.stop + _GAP_BYTES
        ]
        place = joined.index(near[0]) if near else len(joined)
        near.append(span)
        joined = [each for each in joined if each not in near]
        joined.insert(place, Span(min(each.start for each in near), max(each.stop for each in near)))
    return joined

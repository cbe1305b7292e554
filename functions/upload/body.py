"""The body of an upload, multipart or raw, as a stream of the video's bytes (RFC 7578, RFC 9112 section 6)."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from flask import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, StrictParserError, parse_options_header

from functions.common import errors, options, web
from functions.common.errors import Failure
from functions.common.options import Options
from functions.common.settings import Limits

RawOptions = list[tuple[str, str]]  # names and values as they were sent

_FIELD = "file"
_NAME_PARAMETER = "filename"
_BLOCK_BYTES = 262_144
_MOST_PARTS = 32
_FORM_BYTES = 65_536  # boundaries, headers and the other fields
_FIELD_MOST_BYTES = 2048  # more than the longest valid text in UTF-8
_NAME_MOST_BYTES = 255
_UNNAMED = "video"


@dataclass(frozen=True)
class Video:
    """A video that is being received: its file name, its bytes, and its options.

    Options that follow the file in a form are added to `given` once the last block has been read.
    """

    filename: str
    blocks: Iterator[bytes]
    given: RawOptions = field(default_factory=list)

    def options(self) -> Options:
        """Return the options received so far. Raises Failure(INVALID_OPTION)."""
        return options.parse(self.given)


def open_video(request: Request, limits: Limits) -> Video:
    """Return the video in the request; reading its blocks raises Failure if the body is invalid.

    Blocks that were read without an error are the whole video: a body that ends early raises Failure(INCOMPLETE_BODY).
    An invalid option before the file raises Failure(INVALID_OPTION) here.
    """
    name, given = _query(request)
    options.parse(given)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Failure(errors.CODED_BODY)
    kind, parameters = parse_options_header(request.headers.get("Content-Type", ""))
    if kind.lower() == "multipart/form-data":
        received = _received(request, limits, limits.upload_max_bytes + _FORM_BYTES)
        return _form_video(received, parameters.get("boundary", ""), given, limits)
    if request.content_length is None and "Transfer-Encoding" not in request.headers:
        raise Failure(errors.MISSING_FILE)
    return Video(clean_name(name), _received(request, limits, limits.upload_max_bytes), given)


def clean_name(name: str) -> str:
    """Return a file name that is safe to show: no path, no control or format characters, at most 255 bytes."""
    name = re.split(r"[/\\]", name)[-1]
    # Control characters, lone surrogates and format characters, such as right-to-left override, can disguise a name.
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029")
    name = name.encode()[:_NAME_MOST_BYTES].decode(errors="ignore").strip()
    return name if name.strip(".") else _UNNAMED


def _query(request: Request) -> tuple[str, RawOptions]:
    """Return the file name and the options in the query."""
    pairs = web.query_pairs(request)
    names = [value for name, value in pairs if name == _NAME_PARAMETER]
    return names[0] if names else "", [pair for pair in pairs if pair[0] != _NAME_PARAMETER]


def _received(request: Request, limits: Limits, most: int) -> Iterator[bytes]:
    expected = request.content_length
    if expected is not None and expected > most:
        raise Failure(errors.FILE_TOO_LARGE)
    return _blocks(request.stream, expected, most, time.monotonic() + limits.upload_timeout)


def _blocks(stream: Any, expected: int | None, most: int, deadline: float) -> Iterator[bytes]:
    received = 0
    while True:
        try:
            block = stream.read(_BLOCK_BYTES)
        except OSError as error:  # also gunicorn's errors for an invalid chunked body, and an idle peer
            raise Failure(errors.INCOMPLETE_BODY) from error
        if not block:
            break
        received += len(block)
        if received > most:
            raise Failure(errors.FILE_TOO_LARGE)
        if time.monotonic() > deadline:
            raise Failure(errors.TIMED_OUT_UPLOAD)
        yield block
    # A client that dies before Content-Length bytes looks like the end of the body.
    if expected is not None and received != expected:
        raise Failure(errors.INCOMPLETE_BODY)


def _form_video(body: Iterator[bytes], boundary: str, given: RawOptions, limits: Limits) -> Video:
    try:
        parser = PushMultipartParser(boundary, max_segment_count=_MOST_PARTS, strict=True)
    except MultipartError as error:
        raise Failure(errors.MALFORMED_BODY) from error
    parts = _parts(parser, body)
    for segment in parts:
        if segment.name == _FIELD and segment.filename is not None:
            video = Video(clean_name(segment.filename), _file_blocks(parts, given, limits.upload_max_bytes), given)
            video.options()
            return video
        if segment.name == _FIELD or segment.filename is not None:
            raise Failure(errors.MISSING_FILE)
        given.append((segment.name, _value(segment, parts)))
    raise Failure(errors.MISSING_FILE)


def _parts(parser: PushMultipartParser, body: Iterator[bytes]) -> Iterator[Any]:
    """Yield for each part: its segment, blocks of its bytes, then None."""
    try:
        for block in body:
            try:
                yield from parser.parse(block)
            except StrictParserError:  # data after the last boundary; `close` raises any other error
                break
        parser.close()
    except MultipartError as error:
        raise Failure(errors.MALFORMED_BODY) from error
    for _ in body:  # data after the last boundary is ignored, but counts against the limit
        pass


def _content(parts: Iterator[Any]) -> Iterator[bytes]:
    """Yield the blocks of the current part, and consume its end."""
    return takewhile(lambda part: part is not None, parts)


def _value(segment: MultipartSegment, parts: Iterator[Any]) -> str:
    value = b""
    for block in _content(parts):
        value += block
        if len(value) > _FIELD_MOST_BYTES:
            raise options.refusal(segment.name)
    return value.decode(errors="surrogateescape")


def _file_blocks(parts: Iterator[Any], given: RawOptions, most: int) -> Iterator[bytes]:
    length = 0
    for block in _content(parts):
        length += len(block)
        if length > most:
            raise Failure(errors.FILE_TOO_LARGE)
        yield bytes(block)
    for segment in parts:
        if segment.name == _FIELD or segment.filename is not None:
            raise Failure(errors.TOO_MANY_FILES)
        given.append((segment.name, _value(segment, parts)))

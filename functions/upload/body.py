"""The body of an upload, multipart or raw, as a stream of the video's bytes (RFC 7578, RFC 9112 section 6)."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any
from urllib.parse import parse_qsl

from flask import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, StrictParserError, parse_options_header

from functions.common import errors, options
from functions.common.errors import Failure
from functions.common.options import Options
from functions.common.settings import Limits

Given = list[tuple[str, str]]  # options as they came, name by name

_FIELD = "file"
_NAME_PARAMETER = "filename"
_BLOCK_BYTES = 262_144
_MOST_PARTS = 32
_FORM_BYTES = 65_536  # boundaries, headers and other fields beside the video
_FIELD_MOST_BYTES = 2048  # the longest text, in the longest characters, and some
_NAME_MOST_BYTES = 255
_UNNAMED = "video"


@dataclass(frozen=True)
class Video:
    """A video that is arriving: the name that its sender gave it, its bytes, and the options that came with it.

    A form may say options after the file: they join `given` when the last of the blocks has been read.
    """

    filename: str
    blocks: Iterator[bytes]
    given: Given = field(default_factory=list)

    def options(self) -> Options:
        """Return the options that have come so far. Raises Failure(INVALID_OPTION)."""
        return options.parse(self.given)


def open_video(request: Request, limits: Limits) -> Video:
    """Return the one video in the request; reading its blocks raises Failure for everything that is not right.

    Whoever reads them to the end has the whole video: a body that ends early raises Failure(INCOMPLETE_BODY).
    A wrong option that stands in front of the video raises Failure(INVALID_OPTION) here already.
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
    """Return a file's name fit to be shown: no path, no control or formatting characters, 255 bytes at most."""
    name = re.split(r"[/\\]", name)[-1]
    # Control characters, lone surrogates and formatting such as a right-to-left override can lie about a name.
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029")
    name = name.encode()[:_NAME_MOST_BYTES].decode(errors="ignore").strip()
    return name if name.strip(".") else _UNNAMED


def _query(request: Request) -> tuple[str, Given]:
    """Return the video's name and the options that the query gives."""
    query = request.query_string.decode(errors="surrogateescape")
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
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
        except OSError as error:  # gunicorn's errors for a broken chunked body are among them, and a peer gone quiet
            raise Failure(errors.INCOMPLETE_BODY) from error
        if not block:
            break
        received += len(block)
        if received > most:
            raise Failure(errors.FILE_TOO_LARGE)
        if time.monotonic() > deadline:
            raise Failure(errors.TIMED_OUT_UPLOAD)
        yield block
    # A client that dies under Content-Length looks like a clean end of file.
    if expected is not None and received != expected:
        raise Failure(errors.INCOMPLETE_BODY)


def _form_video(body: Iterator[bytes], boundary: str, given: Given, limits: Limits) -> Video:
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
    """Yield what the parser finds: a segment at its beginning, blocks of its bytes, None at its end."""
    try:
        for block in body:
            try:
                yield from parser.parse(block)
            except StrictParserError:  # a block that begins behind the last boundary; for any other reason close raises
                break
        parser.close()
    except MultipartError as error:
        raise Failure(errors.MALFORMED_BODY) from error
    for _ in body:  # what follows the last boundary means nothing, but its length is counted
        pass


def _content(parts: Iterator[Any]) -> Iterator[bytes]:
    """Yield the blocks of the segment that has just begun; its end is read with them."""
    return takewhile(lambda part: part is not None, parts)


def _value(segment: MultipartSegment, parts: Iterator[Any]) -> str:
    value = b""
    for block in _content(parts):
        value += block
        if len(value) > _FIELD_MOST_BYTES:
            raise options.refusal(segment.name)
    return value.decode(errors="surrogateescape")


def _file_blocks(parts: Iterator[Any], given: Given, most: int) -> Iterator[bytes]:
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

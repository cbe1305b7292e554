"""The body of an upload, multipart or raw, as a stream of the video's bytes (RFC 7578, RFC 9112 section 6)."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from functions.common import errors
from functions.common.errors import Failure
from functions.common.settings import Limits

FIELD = "file"
_BLOCK_BYTES = 262_144
_MOST_PARTS = 32
_FORM_BYTES = 65_536  # boundaries, headers and other fields beside the video
_NAME_MOST_BYTES = 255
_UNNAMED = "video"


@dataclass(frozen=True)
class Video:
    """A video that is arriving: the name that its sender gave it, and its bytes."""

    filename: str
    blocks: Iterator[bytes]


def open_video(request: Request, limits: Limits) -> Video:
    """Return the one video in the request; reading its blocks raises Failure for everything that is not right.

    Whoever reads them to the end has the whole video: a body that ends early raises Failure(INCOMPLETE_BODY).
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Failure(errors.CODED_BODY)
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    if kind.lower() == "multipart/form-data":
        return _form_video(_received(request, limits, limits.upload_max_bytes + _FORM_BYTES), options, limits)
    if request.content_length is None and "Transfer-Encoding" not in request.headers:
        raise Failure(errors.MISSING_FILE)
    name = request.args.get("filename", "")
    return Video(clean_name(name), _received(request, limits, limits.upload_max_bytes))


def clean_name(name: str) -> str:
    """Return a file's name fit to be shown: no path, no control or formatting characters, 255 bytes at most."""
    name = re.split(r"[/\\]", name)[-1]
    # Control characters, lone surrogates and formatting such as a right-to-left override can lie about a name.
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029")
    name = name.encode()[:_NAME_MOST_BYTES].decode(errors="ignore").strip()
    return name if name.strip(".") else _UNNAMED


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


def _form_video(body: Iterator[bytes], options: dict[str, str], limits: Limits) -> Video:
    try:
        parser = PushMultipartParser(options.get("boundary", ""), max_segment_count=_MOST_PARTS, strict=True)
    except MultipartError as error:
        raise Failure(errors.MALFORMED_BODY) from error
    parts = _parts(parser, body)
    for part in parts:
        if isinstance(part, MultipartSegment) and part.name == FIELD:
            if part.filename is None:
                raise Failure(errors.MISSING_FILE)
            return Video(clean_name(part.filename), _file_blocks(parts, limits.upload_max_bytes))
    raise Failure(errors.MISSING_FILE)


def _parts(parser: PushMultipartParser, body: Iterator[bytes]) -> Iterator[Any]:
    """Yield what the parser finds: a segment at its beginning, blocks of its bytes, None at its end."""
    try:
        for block in body:
            yield from parser.parse(block)
            if parser.closed:
                break
        parser.close()
    except MultipartError as error:
        raise Failure(errors.MALFORMED_BODY) from error
    for _ in body:  # what follows the last boundary means nothing, but its length is counted
        pass


def _file_blocks(parts: Iterator[Any], most: int) -> Iterator[bytes]:
    length = 0
    inside = True
    for part in parts:
        if part is None:
            inside = False
        elif isinstance(part, MultipartSegment):
            if part.filename is not None:
                raise Failure(errors.TOO_MANY_FILES)
        elif inside:
            length += len(part)
            if length > most:
                raise Failure(errors.FILE_TOO_LARGE)
            yield bytes(part)

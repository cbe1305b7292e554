"""The body of an upload, multipart or raw, as a stream of the video's bytes (RFC 7578, RFC 9112 section 6)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from flask import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, StrictParserError, parse_options_header

from functions.common import errors, filenames, options, web
from functions.common.errors import Failure
from functions.common.settings import Limits, WebhookTargets
from functions.upload import asked, names
from functions.upload.asked import Asked

RawOptions = list[tuple[str, str]]  # names and values as they were sent

_FORM = "multipart/form-data"
_FIELD = "file"
_NAME_PARAMETER = "filename"
_BLOCK_BYTES = 262_144
_MOST_PARTS = 32
_FORM_BYTES = 65_536  # boundaries, headers and the other fields
_FIELD_MOST_BYTES = 2048  # more than the longest valid text in UTF-8
_CHARSET_FIELD = "_charset_"  # RFC 7578 section 4.6
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252"})
_PAGE_FIELDS = frozenset({_CHARSET_FIELD, "MAX_FILE_SIZE", "submit"})
_CAMPAIGN_FIELDS = "utm_"


@dataclass(frozen=True)
class Video:
    """A video that is being received: its file name, its bytes, and what is asked for.

    Options that follow the file in a form are added to `given` once the last block has been read.
    """

    filename: str
    blocks: Iterator[bytes]
    targets: WebhookTargets
    given: RawOptions = field(default_factory=list)

    def asked(self) -> Asked:
        """Return what was asked for so far. Raises Failure(INVALID_OPTION)."""
        return asked.read(self.given, self.targets)


def check(request: Request, limits: Limits, targets: WebhookTargets) -> int:
    """Return how many bytes the request announces, 0 if none. Raises Failure for what its head shows to be wrong."""
    _, given = _query(request)
    asked.read(given, targets)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Failure(errors.CODED_BODY)
    is_form = parse_options_header(request.headers.get("Content-Type", ""))[0].lower() == _FORM
    expected = request.content_length
    if expected is None and "Transfer-Encoding" not in request.headers and not is_form:
        raise Failure(errors.MISSING_FILE)
    if (expected or 0) > limits.upload_max_bytes + (_FORM_BYTES if is_form else 0):
        raise Failure(errors.FILE_TOO_LARGE)
    return expected or 0


def open_video(request: Request, limits: Limits, targets: WebhookTargets) -> Video:
    """Return the video in a request that `check` found right; reading its blocks raises Failure if the body is invalid.

    Blocks that were read without an error are the whole video: a body that ends early raises Failure(INCOMPLETE_BODY).
    An invalid option before the file raises Failure(INVALID_OPTION) here.
    """
    name, given = _query(request)
    kind, parameters = parse_options_header(request.headers.get("Content-Type", ""))
    if kind.lower() == _FORM:
        received = _received(request, limits, limits.upload_max_bytes + _FORM_BYTES)
        return _form_video(received, parameters.get("boundary", ""), given, limits, targets)
    return Video(filenames.clean(name), _received(request, limits, limits.upload_max_bytes), targets, given)


def _query(request: Request) -> tuple[str, RawOptions]:
    """Return the file name, in the query or else at the end of the path, and the options in the query."""
    pairs = web.query_pairs(request)
    found = [value.encode(errors="surrogateescape") for name, value in pairs if name == _NAME_PARAMETER]
    name = names.text(found[0]) if found else names.of_path(request.environ["PATH_INFO"])
    return name, [pair for pair in pairs if _is_option(pair[0]) and pair[0] != _NAME_PARAMETER]


def _is_option(name: str) -> bool:
    """Tell whether a field may be an option; others come along from web pages and links."""
    return name not in _PAGE_FIELDS and not name.startswith(_CAMPAIGN_FIELDS)


def _received(request: Request, limits: Limits, most: int) -> Iterator[bytes]:
    return _blocks(request, request.content_length, most, time.monotonic() + limits.upload_timeout)


def _blocks(request: Request, expected: int | None, most: int, deadline: float) -> Iterator[bytes]:
    received = 0
    while True:
        block = web.read(request, _BLOCK_BYTES)
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


def _form_video(
    body: Iterator[bytes], boundary: str, given: RawOptions, limits: Limits, targets: WebhookTargets
) -> Video:
    try:
        # Names may be in any encoding; as Latin-1, their bytes are kept.
        parser = PushMultipartParser(boundary, max_segment_count=_MOST_PARTS, strict=True, header_charset="latin-1")
    except MultipartError as error:
        raise Failure(errors.MALFORMED_BODY) from error
    form = _Form(_parts(parser, body), given)
    for segment in form.parts:
        filename = names.of_part(segment)
        if segment.name == _FIELD and filename is not None:
            video = Video(filenames.clean(filename), form.file_blocks(limits.upload_max_bytes), targets, given)
            video.asked()
            return video
        if segment.name == _FIELD or filename is not None:
            raise Failure(errors.MISSING_FILE)
        form.take(segment)
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


class _Form:
    """The parts of a form: the file, and the options, which are added to `given`."""

    def __init__(self, parts: Iterator[Any], given: RawOptions) -> None:
        self.parts = parts
        self._given = given
        self._charset = "utf-8"

    def take(self, segment: MultipartSegment) -> None:
        """Read a part that is not the file."""
        name = segment.name.encode("latin-1").decode(errors="surrogateescape")
        value = self._value(name)
        if name == _CHARSET_FIELD:
            offered = value.decode(errors="replace").strip().lower()
            self._charset = offered if offered in _CHARSETS else self._charset
        if _is_option(name):
            self._given.append((name, value.decode(self._charset, errors="surrogateescape")))

    def file_blocks(self, most: int) -> Iterator[bytes]:
        """Yield the blocks of the file, which is the current part, and then read the parts after it."""
        length = 0
        for block in self._content():
            length += len(block)
            if length > most:
                raise Failure(errors.FILE_TOO_LARGE)
            yield bytes(block)
        for segment in self.parts:
            if segment.name == _FIELD or names.of_part(segment) is not None:
                raise Failure(errors.TOO_MANY_FILES)
            self.take(segment)

    def _value(self, name: str) -> bytes:
        value = b""
        for block in self._content():
            value += block
            if len(value) > _FIELD_MOST_BYTES:
                raise options.refusal(name)
        return value

    def _content(self) -> Iterator[bytes]:
        """Yield the blocks of the current part, and consume its end."""
        return takewhile(lambda part: part is not None, self.parts)

"""Multipart: several parts of a file in one response, as multipart/byteranges (RFC 9110 section 14.6)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

from functions.backends.files import Reader
from functions.download.ranges import Span

_BREAK = b"\r\n"


class Parts:
    """The body with these parts of a file of this type."""

    def __init__(self, reader: Reader, spans: Sequence[Span], content_type: str) -> None:
        boundary = secrets.token_hex(16)  # nobody can put it into a file
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self._reader, self._spans = reader, spans
        first = f"--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: "
        self._heads = [f"{first}{span.of(reader.length)}\r\n\r\n".encode() for span in spans]
        self._end = f"--{boundary}--\r\n".encode()

    @property
    def length(self) -> int:
        """Return the length of the body."""
        framing = sum(len(head) + len(_BREAK) for head in self._heads) + len(self._end)
        return framing + sum(span.stop - span.start for span in self._spans)

    def blocks(self) -> Iterator[bytes]:
        """Yield the body. Raises Failure(UNAVAILABLE) as the reader does."""
        for head, span in zip(self._heads, self._spans, strict=True):
            blocks = self._reader.blocks(*span)
            # With its head, so that a part that cannot be read fails before the response starts if it is the first.
            yield head + next(blocks)
            yield from blocks
            yield _BREAK
        yield self._end

"""The arrival of a request: the bytes that have come, and whether a thread can take it."""

from __future__ import annotations

import re

_SMALL_BYTES = 2**16

_HEAD_ENDS = (b"\n\r\n", b"\n\n")
LAST_CHUNK = b"0\r\n\r\n"
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r?\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\nexpect:", re.IGNORECASE)


class Arrival:
    """The bytes of a request that have arrived, and whether a thread can take it.

    That is when it need not wait for the request, or only for a large body. This decides only who waits; what the
    request is, gunicorn decides. What was searched is not searched again, so that a client that sends single bytes does
    not keep the loop busy.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self._head_bytes = 0  # none before the head has arrived
        self._body_bytes: int | None = None  # to wait for; None if only the body's end tells how many
        self._missing = 1  # bytes, at least

    @property
    def is_complete(self) -> bool:
        """Whether a thread can take the request."""
        return self._missing <= 0

    def add(self, more: bytes) -> None:
        """Add bytes that have arrived."""
        known = len(self.data)
        self.data += more
        self._missing -= len(more)
        if self._missing > 0:
            return
        if not self._head_bytes:
            self._find_head(known)
        if self._body_bytes is not None:
            self._missing = self._head_bytes + self._body_bytes - len(self.data)
        else:
            self._missing = int(not self._is_enough(known))

    def take(self) -> bytes:
        """Return all bytes, and begin anew."""
        data = bytes(self.data)
        self.data.clear()
        self._head_bytes, self._body_bytes, self._missing = 0, None, 1
        return data

    def _find_head(self, known: int) -> None:
        """Look for the end of the head, of which the first `known` bytes had none."""
        ends = [place + len(end) for end in _HEAD_ENDS if (place := self._find(end, known)) >= 0]
        if ends:
            self._head_bytes = min(ends)
            self._body_bytes = _body_bytes(self.data[: self._head_bytes])

    def _is_enough(self, known: int) -> bool:
        """Tell whether a head without an end, or chunks, need no more waiting."""
        body_bytes = len(self.data) - self._head_bytes
        if not self._head_bytes or body_bytes > _SMALL_BYTES:
            return body_bytes > _SMALL_BYTES
        ended = self._find(LAST_CHUNK, max(known, self._head_bytes)) >= 0
        return ended or (body_bytes > 0 and self.data.endswith(_HEAD_ENDS))  # trailers may follow the last chunk

    def _find(self, what: bytes, known: int) -> int:
        """Return the place of some bytes, whose last one is not among the first `known`."""
        return self.data.find(what, max(self._head_bytes, known - len(what) + 1))


def _body_bytes(head: bytes | bytearray) -> int | None:
    """Return how many bytes of the body to wait for: none of a large one, or of one that must be asked for."""
    if _EXPECTS.search(head):
        return 0
    if _CHUNKED.search(head):
        return None
    length = _LENGTH.search(head)
    return int(length[1]) if length and int(length[1]) <= _SMALL_BYTES else 0

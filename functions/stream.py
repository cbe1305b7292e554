"""A stream: a response that goes on after its thread has ended, and never waits for the client."""

from __future__ import annotations

import contextlib
import socket

from functions.arrival import LAST_CHUNK
from functions.peer import Peer

_MOST_BYTES = 2**20  # by which a client may be behind
_CHUNKED = b"\r\nTransfer-Encoding: chunked\r\n"


class Stream:
    """A connection whose response has begun: what the client does not take at once is kept for the next write."""

    def __init__(self, peer: Peer, begun: bytes) -> None:
        """Take over a connection, and the bytes of a response that was written as if it had ended."""
        head = begun.partition(b"\r\n\r\n")[0]
        self._peer = peer
        self._is_chunked = _CHUNKED in head + b"\r\n"
        self.is_open = head.split(b" ")[1:2] == [b"200"]
        self._left = bytearray(begun.removesuffix(LAST_CHUNK) if self.is_open and self._is_chunked else begun)
        peer.setblocking(False)
        self._send()
        if not self.is_open:
            self._leave()

    def write(self, data: bytes = b"") -> bool:
        """Send data, and what was kept; return whether the client is still there and not too far behind."""
        if not self.is_open:
            return False
        if data:
            self._left += b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
        if self._peer.has_left() or not self._send() or len(self._left) > _MOST_BYTES:
            self._leave()
        return self.is_open

    def close(self) -> None:
        """End the response, and the connection."""
        if self.is_open:
            self._left += LAST_CHUNK if self._is_chunked else b""
            self._send()
            self._leave()

    def _send(self) -> bool:
        try:
            del self._left[: self._peer.send_now(self._left)]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def _leave(self) -> None:
        self.is_open = False
        with contextlib.suppress(OSError):  # the client may have left
            self._peer.shutdown(socket.SHUT_WR)
        self._peer.close()

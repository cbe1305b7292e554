"""A peer: the client's end of a connection, which must send and take its bytes in time."""

from __future__ import annotations

import logging
import math
import select
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from functions.common.errors import TooSlow

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_log = logging.getLogger(__name__)

GRACE_SECONDS = 10.0  # before the average counts
_PIECE_BYTES = 2**18
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Pace:
    """How long one direction of a connection may wait for the peer, by what has moved and how long that took.

    Only waits count: while this side is busy, the peer cannot move anything.
    """

    def __init__(self, idle: float, rate: float = 0.0, total: float = math.inf) -> None:
        """Allow waits of `idle` seconds each, of `total` in all, and on average `rate` bytes per second."""
        self._idle, self._rate, self._total = idle, rate, total
        self._moved = 0
        self._waited = 0.0

    def left(self) -> float:
        """Return for how many seconds to wait at most now. Raises TooSlow if there are none left."""
        most = max(GRACE_SECONDS, self._moved / self._rate) if self._rate else math.inf
        left = min(self._idle, min(self._total, most) - self._waited)
        if left <= 0:
            raise TooSlow
        return left

    def count(self, moved: int, waited: float) -> None:
        """Count bytes, and the seconds that they took."""
        self._moved += moved
        self._waited += waited


class Peer(socket.socket):
    """A connection on which every wait for the peer has an end, in gunicorn's own reads and writes too."""

    def __init__(self, accepted: socket.socket) -> None:
        """Take over an accepted socket."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.expects_continue = False
        self.close_after: Callable[[], None] = lambda: None  # ends the connection with the current response
        self.patience = 0.0
        self.is_cut_later = False  # it may go on sending after the response, before the connection is cut
        self._held: bytearray | None = None
        self.taker: Callable[[Any], None] | None = None
        self.limit(GRACE_SECONDS)

    def limit(self, idle: float, rate: float = 0.0) -> None:
        """Begin a request: limit each wait in seconds, and the average in bytes per second."""
        self._incoming, self._outgoing = Pace(idle, rate), Pace(idle, rate)
        self._is_waiting = True

    def hurry(self, seconds: float) -> None:
        """Wait for what the peer still sends for this long at most, whatever its pace."""
        self._incoming = Pace(seconds, total=seconds)
        self._is_waiting = True

    def stop_waiting(self) -> None:
        """Read only what has arrived from now on; where there is no more, `recv` raises TooSlow."""
        self._is_waiting = False

    def hold(self, patience: float) -> None:
        """Keep what is sent from now on; it may wait so many seconds for the rest of a body."""
        self.patience, self._held = patience, bytearray()

    def flush(self) -> None:
        """Send what was held; if the peer does not take it, the connection ends with this response."""
        held, self._held = self._held, None
        try:
            self.sendall(held or b"")
        except OSError as error:
            _log.debug("not answered", extra={"cause": repr(error)})
            self.close_after()

    def hand_over(self, taker: Callable[[Any], None]) -> None:
        """Hold the current response, and let `taker` go on with it once it is written."""
        self.close_after()
        self._held, self.taker = bytearray(), taker

    def take_held(self) -> bytes:
        """Return what was held, and hold no more."""
        held, self._held = self._held, None
        return bytes(held or b"")

    def release(self) -> None:
        """Send what was held, as far as the peer takes it at once."""
        held, self._held = self._held, None
        self.offer(held or b"")

    def offer(self, data: ReadableBuffer) -> None:
        """Send data as far as the peer takes it at once."""
        try:
            self.send_now(data)
        except OSError as error:  # the peer has left
            _log.debug("not answered", extra={"cause": repr(error)})

    def send_now(self, data: ReadableBuffer) -> int:
        """Send bytes without waiting, and return how many. Raises BlockingIOError if the peer takes none now."""
        return super().send(data, socket.MSG_DONTWAIT)

    def arrived(self, most: int) -> bytes:
        """Return what has arrived, without waiting. Raises BlockingIOError if nothing has."""
        return super().recv(most, socket.MSG_DONTWAIT)

    def has_left(self) -> bool:
        """Tell whether the peer has closed the connection, without waiting."""
        # Python's recv would wait as long as the socket's time-out allows, whatever its flags.
        poll = select.poll()
        poll.register(self, select.POLLRDHUP)
        return bool(poll.poll(0))

    def is_sending(self, seconds: float) -> bool:
        """Wait for bytes to arrive, and tell whether any did."""
        self.settimeout(seconds)
        try:
            return bool(super().recv(1, socket.MSG_PEEK))
        except OSError:  # also a peer that has reset the connection
            return False

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return bytes from the peer, which may have waited to be asked for them. Raises TooSlow."""
        if self.expects_continue:
            self.expects_continue = False
            self.sendall(_CONTINUE)
        if not self._is_waiting:
            try:
                return self.arrived(bufsize)
            except BlockingIOError:
                raise TooSlow from None
        data: bytes = self._timed(self._incoming, len, super().recv, bufsize, flags)
        return data

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        """Send bytes and return how many. Raises TooSlow."""
        count: int = self._timed(self._outgoing, int, super().send, data, flags)
        return count

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        """Send all bytes, or hold them. Raises TooSlow."""
        if self._held is not None:
            self._held += data
            return
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view[:_PIECE_BYTES], flags) :]

    def _timed(self, pace: Pace, length: Callable[[Any], int], move: Callable[..., Any], *arguments: Any) -> Any:
        self.settimeout(pace.left())
        began = time.monotonic()
        try:
            done = move(*arguments)
        except TimeoutError:
            raise TooSlow from None
        pace.count(length(done), time.monotonic() - began)
        return done

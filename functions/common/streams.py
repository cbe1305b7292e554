"""Streams: responses that go on after their request's thread has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask import Request


class Stream(Protocol):
    """A response that has begun."""

    is_open: bool

    def write(self, data: bytes = b"") -> bool:
        """Send data without waiting; return whether the client is still there and not too far behind."""

    def close(self) -> None:
        """End the response."""


def hand_over(request: Request, taker: Callable[[Stream], None]) -> bool:
    """Let `taker` go on with the response to a request once it was written; return False if nobody can.

    It is called in the worker's loop, which it must not hold up; the stream is not open if the client has left.
    """
    peer = request.environ.get("gunicorn.socket")
    if peer is None:  # a test client
        return False
    peer.hand_over(taker)
    return True

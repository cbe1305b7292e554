"""Access lines: a line in the log for each request and event, written once its response was sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar, copy_context
from types import MappingProxyType
from typing import Any

from flask import Response, request

_log = logging.getLogger(__name__)

_METHOD_MOST_CHARACTERS = 20


Log = Callable[[int], None]

_later: ContextVar[Callable[[Log], None] | None] = ContextVar("later", default=None)
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def begin() -> None:
    """Begin a request, about which nothing is known."""
    _about.set({})
    _later.set(None)


def about(**fields: str) -> None:
    """Say who or what the current request is about: its `user`, its `job`."""
    _about.set({**_about.get(), **fields})


def log_later(register: Callable[[Log], None]) -> None:
    """Let `register` have what logs the current request, to call it with the bytes of the body in the end."""
    _later.set(register)


def log_when_sent(response: Response, began: float) -> None:
    """Log the current request, which began at this monotonic time, once its response is closed.

    `bytes` is what was sent of the body, which is less than all if the client left.
    """
    line: dict[str, Any] = {"method": request.method[:_METHOD_MOST_CHARACTERS], "status": response.status_code}
    line |= _about.get()
    body = _Counted(response.response)
    if response.is_streamed:
        response.response = body
    else:  # a stream would be read into memory to tell its length
        body.sent = 0 if request.method == "HEAD" else response.calculate_content_length() or 0

    def log(sent: int) -> None:
        milliseconds = round(1000 * (time.monotonic() - began))
        _log.info("request", extra=line | {"bytes": sent, "milliseconds": milliseconds})

    if register := _later.get():
        context = copy_context()  # with the request's id
        register(lambda sent: context.run(log, sent))
    else:
        response.call_on_close(lambda: log(body.sent))


class _Counted:
    """Pass the blocks of a body on, and count their bytes."""

    def __init__(self, blocks: Iterable[Any]) -> None:
        self.sent = 0
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            yield block
            self.sent += len(block)

    def close(self) -> None:
        """Close the body."""
        if close := getattr(self._blocks, "close", None):
            close()

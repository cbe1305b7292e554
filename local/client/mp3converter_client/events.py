"""Server-sent events, read as the HTML standard says (section 9.2.6)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r(?!$))")  # a \r at the end may be half of \r\n
_RETRY_SECONDS = 2.0


class Event(NamedTuple):
    """One event: its type, its data, and the id that a client comes back with."""

    kind: str
    data: str
    id: str


class Parser:
    """What has arrived of a stream; `retry` is after how many seconds to come back, `last` the last id."""

    def __init__(self, last: str = "") -> None:
        self.retry = _RETRY_SECONDS
        self.last = last
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._kind = ""
        self._data: list[str] = []
        self._id = last

    def feed(self, arrived: bytes) -> Iterator[Event]:
        """Yield the events that have become complete."""
        self._text += self._decoder.decode(arrived)
        end = 0
        for found in _LINE.finditer(self._text):
            end = found.end()
            if found[1]:
                self._field(found[1])
            else:
                yield from self._dispatched()
        self._text = self._text[end:]

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry = int(value) / 1000

    def _dispatched(self) -> Iterator[Event]:
        self.last = self._id
        if self._data:
            yield Event(self._kind or "message", "\n".join(self._data), self.last)
        self._kind, self._data = "", []

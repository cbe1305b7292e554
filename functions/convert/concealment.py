"""Concealment: what is heard after a hole in copied frames, until there is a frame whose main data is not lost.

A frame's main data may begin up to 511 bytes before its header (ISO/IEC 11172-3 section 2.4.1.7). A decoder would take
other bytes for what was lost in the hole. So the frames that lack main data repeat the first one that has all of its
own, and only a few of them, because more would sound like a buzz.
"""

from __future__ import annotations

from collections.abc import Iterator

from functions.convert import mp3

_REPEATED_MOST = 4


class Concealment:
    """Pass frames of one kind on; after a hole, hold those that lack main data until one does not."""

    def __init__(self, kind: mp3.Kind) -> None:
        self._kind = kind
        self._lacking = False
        self._held: list[bytes] = []
        self._main = bytearray()  # main data since the hole

    def cut(self) -> Iterator[bytes]:
        """Begin after a hole; yield silence for the frames that are held."""
        yield from self.end()
        self._lacking = True
        self._main.clear()

    def end(self) -> Iterator[bytes]:
        """Yield silence for the frames that are held."""
        for frame in self._held:
            yield mp3.silent(frame, self._kind)
        self._held.clear()

    def take(self, frame: bytes) -> Iterator[bytes]:
        """Yield what is heard, as far as it is known after this frame."""
        if not self._lacking:
            yield frame
            return
        parts = mp3.parts_of(frame, self._kind)
        if parts.begin > len(self._main):
            self._held.append(frame)
            self._main += parts.room
            return
        self._lacking = False
        before = bytes(self._main[len(self._main) - parts.begin :])
        contents = (before + parts.room)[: parts.length]
        first = max(0, len(self._held) - _REPEATED_MOST)
        last = len(self._held) - 1
        for number, held in enumerate(self._held):
            if number < first:
                yield mp3.silent(held, self._kind)
            else:
                # The frame itself and those after it may need all of `before`.
                yield mp3.independent(parts, contents, before if number == last else b"", self._kind)
        self._held.clear()
        yield frame

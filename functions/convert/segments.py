"""Segments: runs of frames that several encoders make in parallel, written in order."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import BinaryIO

from functions.convert import mp3
from functions.convert.limits import Limits
from functions.convert.reservoir import Reservoir


@dataclass(eq=False)
class Segment:
    """A run of frames from one encoder; frames that cannot be written yet wait in it."""

    waiting: bytearray = field(default_factory=bytearray)
    sizes: array[int] = field(default_factory=lambda: array("I"))
    complete: bool = False


class Segments:
    """Write the frames of all segments to `target` in order, those of VBR smaller, and count them in `stream`."""

    def __init__(self, stream: mp3.Stream, target: BinaryIO, limits: Limits) -> None:
        self.stream = stream
        self._target = target
        self._limits = limits
        self._unwritten: deque[Segment] = deque()
        self._reservoir = None if stream.constant else Reservoir(stream.kind)

    @property
    def all_written(self) -> bool:
        """Tell whether every segment is complete and written."""
        return not self._unwritten

    @property
    def frames(self) -> int:
        """Return how many frames were encoded, written or not."""
        waiting = self._reservoir.frames if self._reservoir else 0
        return self.stream.frames + waiting + sum(len(segment.sizes) for segment in self._unwritten)

    def append(self) -> Segment:
        """Add a segment at the end."""
        segment = Segment()
        self._unwritten.append(segment)
        return segment

    def insert_after(self, before: Segment) -> Segment:
        """Add a segment right after another one."""
        segment = Segment()
        self._unwritten.insert(self._unwritten.index(before) + 1, segment)
        return segment

    def write(self) -> None:
        """Write all frames that are next in order. Raises Failure(MP3_TOO_LARGE)."""
        while self._unwritten:
            segment = self._unwritten[0]
            if segment.sizes:
                self._put(bytes(segment.waiting), segment.sizes)
                segment.waiting, segment.sizes = bytearray(), array("I")
            self._limits.check_length(self.stream.length + sum(len(each.waiting) for each in self._unwritten))
            if not segment.complete:
                break
            self._unwritten.popleft()

    def end(self) -> None:
        """Write the frames that waited for more."""
        if self._reservoir:
            self._append(*self._reservoir.end())

    def _put(self, data: bytes, sizes: array[int]) -> None:
        self._append(*(self._reservoir.lay_out(data, sizes) if self._reservoir else (data, sizes)))

    def _append(self, data: bytes, sizes: array[int]) -> None:
        self._target.write(data)
        self.stream.add(data, sizes)

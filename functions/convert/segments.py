"""Segments: runs of frames that different encoders make at the same time, written in the order of the sound."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import BinaryIO

from functions.convert import mp3
from functions.convert.limits import Limits


@dataclass(eq=False)
class Segment:
    """A run of frames that one encoder makes; those that cannot be written yet wait in it."""

    waiting: bytearray = field(default_factory=bytearray)
    sizes: array[int] = field(default_factory=lambda: array("I"))
    complete: bool = False


class Segments:
    """Write the frames of all segments to `target`, counted in `stream`, each when its turn has come."""

    def __init__(self, stream: mp3.Stream, target: BinaryIO, limits: Limits) -> None:
        self.stream = stream
        self._target = target
        self._limits = limits
        self._unwritten: deque[Segment] = deque()

    @property
    def all_written(self) -> bool:
        """Tell whether every segment is complete and written."""
        return not self._unwritten

    @property
    def frames(self) -> int:
        """Return how many frames were made, written or not."""
        return self.stream.frames + sum(len(segment.sizes) for segment in self._unwritten)

    def append(self) -> Segment:
        """Begin a segment behind all others."""
        segment = Segment()
        self._unwritten.append(segment)
        return segment

    def insert_after(self, before: Segment) -> Segment:
        """Begin a segment right behind another one."""
        segment = Segment()
        self._unwritten.insert(self._unwritten.index(before) + 1, segment)
        return segment

    def write(self) -> None:
        """Write the frames whose turn it is. Raises Failure(MP3_TOO_LARGE)."""
        while self._unwritten:
            segment = self._unwritten[0]
            if segment.sizes:
                self._target.write(segment.waiting)
                self.stream.add(bytes(segment.waiting), segment.sizes)
                segment.waiting, segment.sizes = bytearray(), array("I")
            self._limits.check_length(self.stream.length + sum(len(each.waiting) for each in self._unwritten))
            if not segment.complete:
                break
            self._unwritten.popleft()

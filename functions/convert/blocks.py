"""Blocks: pieces of sound that several encoders may read, kept for the next piece once all have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# The pattern of padded frames at a constant bitrate repeats after 49 frames at 44.1 kHz and its halves, so that an
# encoder may jump by multiples of it; at the other rates no frame is padded (144 * bitrate / rate is a whole number).
BLOCK_FRAMES = 49


@dataclass(eq=False)
class Block:
    """Forty-nine frames of sound, or fewer at the end; `readers` are those who still need it."""

    data: memoryview
    length: int = 0
    readers: int = 0


class Blocks:
    """Make blocks for frames of one size, and use those again that are not read any more."""

    def __init__(self, frame_bytes: int) -> None:
        self.size = frame_bytes * BLOCK_FRAMES  # bytes
        self._free: list[Block] = []

    def new(self) -> Block:
        """Return an empty block."""
        block = self._free.pop() if self._free else Block(memoryview(bytearray(self.size)))
        block.length = 0
        return block

    def recycle(self, blocks: Iterable[Block]) -> None:
        """Keep those that have no readers left."""
        self._free += [block for block in blocks if block.readers == 0]

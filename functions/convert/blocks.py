"""Blocks: buffers of sound that several encoders may read, reused once all of them have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# At 44.1 kHz and its halves, the pattern of padded frames at a constant bitrate repeats every 49 frames, so an encoder
# may skip multiples of 49; at the other rates no frame is padded (144 * bitrate / rate is a whole number).
BLOCK_FRAMES = 49


@dataclass(eq=False)
class Block:
    """Forty-nine frames of sound, fewer at the end; `readers` counts who still needs them."""

    data: memoryview
    length: int = 0
    readers: int = 0


class Blocks:
    """Allocate blocks for frames of one size, and reuse those without readers."""

    def __init__(self, frame_bytes: int) -> None:
        self.size = frame_bytes * BLOCK_FRAMES  # bytes
        self._free: list[Block] = []

    def new(self) -> Block:
        """Return an empty block."""
        block = self._free.pop() if self._free else Block(memoryview(bytearray(self.size)))
        block.length = 0
        return block

    def recycle(self, blocks: Iterable[Block]) -> None:
        """Keep the blocks without readers for reuse."""
        self._free += [block for block in blocks if block.readers == 0]

"""A lane: the pipes of one encoder, the sound that waits for it, and which of its frames belong to which segment."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from functions.convert import mp3
from functions.convert.blocks import BLOCK_FRAMES, Block
from functions.convert.segments import Segment

# An encoder looks ahead by less than three frames; it is given one more before it jumps.
TAIL_FRAMES = 4
WARM_UP_BLOCKS = 3
_SHARE_LEAST_BLOCKS = 6  # that are worth a new encoder and its warm-up
_READ_BYTES = 2**16


@dataclass
class _Span:
    """Which of an encoder's frames are a segment's; the others are warm-up and tails."""

    segment: Segment
    first: int
    end: int | None = None


@dataclass(frozen=True)
class Rest:
    """What is taken from an encoder: blocks of a segment, those just before them, and the one behind, if any."""

    segment: Segment
    warm_up: list[Block]
    blocks: list[Block]
    behind: Block | None


class Lane:
    """Feed one encoder, whose frames of sound have `frame_bytes`, and sort the frames that it makes."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], frame_bytes: int) -> None:
        self.source, self.sink = stdin.fileno(), stdout.fileno()
        for pipe in (self.source, self.sink):
            os.set_blocking(pipe, False)
        self.splitter = mp3.Splitter()
        self.waiting = 0  # bytes of sound
        self._stdin = stdin
        self._tail_bytes = TAIL_FRAMES * frame_bytes
        self._spans: deque[_Span] = deque()
        self._queue: deque[tuple[memoryview, Block]] = deque()
        self._given = 0  # frames of sound, in whole blocks and tails
        self._made = 0  # frames of MP3

    @property
    def closed(self) -> bool:
        """Tell whether the encoder knows that no more sound will come."""
        return self._stdin.closed

    def close(self) -> None:
        """Tell the encoder that no more sound will come."""
        self._stdin.close()

    def warm_up(self, blocks: Iterable[Block]) -> None:
        """Queue the sound before the next segment, so that the encoder forgets what it began with or had before."""
        # Behind a tail it goes on by as many frames later, so that its pattern of padded frames still fits.
        skipped = TAIL_FRAMES if self._given else 0
        for block in blocks:
            self._put(block, self._tail_bytes if skipped else 0)
            self._given += BLOCK_FRAMES - skipped
            skipped = 0

    def begin(self, segment: Segment) -> None:
        """Let the frames of the sound that is given from now on be this segment's."""
        self._spans.append(_Span(segment, self._given))

    def give(self, block: Block) -> None:
        """Queue a block of the segment."""
        self._put(block)
        self._given += BLOCK_FRAMES

    def end(self, behind: Block) -> None:
        """End the segment; let the encoder look from its last frames into the block behind."""
        self._spans[-1].end = self._given
        self._put(behind, 0, self._tail_bytes)
        self._given += TAIL_FRAMES

    def halve(self) -> Rest | None:
        """Give away the later half of what waits of the last segment; nothing where that is not worth while."""
        if not self._queue:
            return None
        span, queue = self._spans[-1], list(self._queue)
        behind = queue.pop()[1] if span.end is not None else None
        own = min(len(queue), (self._given - TAIL_FRAMES * bool(behind) - span.first) // BLOCK_FRAMES)
        count = (own - WARM_UP_BLOCKS) // 2
        if count < _SHARE_LEAST_BLOCKS:
            return None
        for part, block in list(self._queue)[len(queue) - count :]:
            self._queue.pop()
            self.waiting -= len(part)
            block.readers -= 1
        self._given -= count * BLOCK_FRAMES + TAIL_FRAMES * bool(behind)
        blocks = [block for _, block in queue]
        return Rest(span.segment, blocks[-count - WARM_UP_BLOCKS : -count], blocks[-count:], behind)

    def write(self) -> list[Block]:
        """Write what the encoder takes now; return the blocks that were written to their end."""
        done = []
        while self._queue:
            part, block = self._queue[0]
            try:
                count = os.write(self.source, part)
            except BlockingIOError:
                break
            self.waiting -= count
            if count < len(part):
                self._queue[0] = part[count:], block
                break
            self._queue.popleft()
            block.readers -= 1
            done.append(block)
        return done

    def read(self) -> bool:
        """Take the frames that the encoder made; return False at their end."""
        try:
            data = os.read(self.sink, _READ_BYTES)
        except BlockingIOError:
            return True
        for frame in self.splitter.split(data):
            self._sort(frame)
        if not data and self._spans:
            self._spans.popleft().segment.complete = True
        return bool(data)

    def _put(self, block: Block, first: int = 0, end: int | None = None) -> None:
        """Queue a block's bytes from `first` up to `end`."""
        part = block.data[first : block.length if end is None else min(end, block.length)]
        if part:
            block.readers += 1
            self.waiting += len(part)
            self._queue.append((part, block))

    def _sort(self, frame: bytes) -> None:
        number = self._made
        self._made += 1
        while self._spans and self._spans[0].end is not None and number >= self._spans[0].end:
            self._spans.popleft().segment.complete = True
        if self._spans and number >= self._spans[0].first:
            segment = self._spans[0].segment
            segment.waiting += frame
            segment.sizes.append(len(frame))

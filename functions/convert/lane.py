"""A lane: one encoder's pipes, its queue of sound, and which of its frames belong to which segment."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from functions.convert import mp3
from functions.convert.blocks import BLOCK_FRAMES, Block
from functions.convert.segments import Segment

# An encoder looks ahead less than three frames; it gets one more before it skips to another segment.
TAIL_FRAMES = 4
WARM_UP_BLOCKS = 3
_SHARE_LEAST_BLOCKS = 6  # fewer are not worth another encoder and its warm-up
_READ_BYTES = 2**16


@dataclass
class _Span:
    """The range of an encoder's frames that belongs to a segment; all others are warm-up and tails."""

    segment: Segment
    first: int
    end: int | None = None


@dataclass(frozen=True)
class Rest:
    """Work taken from an encoder: blocks of a segment, the ones before as warm-up, and the one after, if known."""

    segment: Segment
    warm_up: list[Block]
    blocks: list[Block]
    behind: Block | None


class Lane:
    """Feed one encoder, and assign its frames to segments; a frame of sound has `frame_bytes`."""

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
        self._given = 0  # frames of sound queued so far, in whole blocks and tails
        self._made = 0  # frames of MP3 so far

    @property
    def closed(self) -> bool:
        """Tell whether the encoder's input has ended."""
        return self._stdin.closed

    def close(self) -> None:
        """End the encoder's input."""
        self._stdin.close()

    def warm_up(self, blocks: Iterable[Block]) -> None:
        """Queue the sound before the next segment, so that the encoder's state no longer depends on earlier input."""
        # After a tail, skip as many frames, so that the pattern of padded frames still fits.
        skipped = TAIL_FRAMES if self._given else 0
        for block in blocks:
            self._put(block, self._tail_bytes if skipped else 0)
            self._given += BLOCK_FRAMES - skipped
            skipped = 0

    def begin(self, segment: Segment) -> None:
        """Assign the frames of all sound queued from now on to this segment."""
        self._spans.append(_Span(segment, self._given))

    def give(self, block: Block) -> None:
        """Queue a block of the segment."""
        self._put(block)
        self._given += BLOCK_FRAMES

    def end(self, following: Block) -> None:
        """End the segment; queue the start of the next block for the encoder's lookahead."""
        self._spans[-1].end = self._given
        self._put(following, 0, self._tail_bytes)
        self._given += TAIL_FRAMES

    def halve(self) -> Rest | None:
        """Take the later half of the last segment's queued blocks; None if there are too few."""
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
        """Write as much as the pipe takes; return the blocks that were written completely."""
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
        """Read the encoder's frames; return False at the end of its output."""
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

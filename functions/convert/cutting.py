"""Cutting: where a segment of the sound begins and ends, and which encoder gets it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from functions.convert import lane as lanes
from functions.convert.blocks import Block, Blocks
from functions.convert.lane import Lane, Rest
from functions.convert.segments import Segments

AHEAD_BYTES = 48 * 2**20  # of queued sound, for all encoders together
_SEGMENT_LEAST_BLOCKS = 8
_SEGMENT_UNKNOWN_BLOCKS = 24


class Cutter:
    """Distribute the sound over as many encoders as `allowed` returns; `start` starts another one.

    `expected` is the probable number of blocks; it only affects where the sound is cut.
    """

    def __init__(
        self,
        segments: Segments,
        blocks: Blocks,
        start: Callable[[], Lane],
        allowed: Callable[[], int],
        expected: float | None,
    ) -> None:
        self.lanes: list[Lane] = []
        self._segments, self._blocks = segments, blocks
        self._start_lane, self._allowed, self._expected = start, allowed, expected
        self._recent: deque[Block] = deque()
        self._lane: Lane | None = None
        self._left = 0  # blocks until the end of the segment

    @property
    def waiting(self) -> int:
        """Return how many bytes of sound are queued."""
        return sum(lane.waiting for lane in self.lanes)

    def hand_out(self, block: Block) -> None:
        """Queue the next block for the current segment's encoder, or begin a segment with it."""
        lane = self._lane if self._lane and self._left else self._begin_segment(block)
        lane.give(block)
        self._left -= 1
        self._remember(block)

    def share_the_rest(self) -> None:
        """While there are idle cores, start an encoder for half of the longest queue."""
        while self.lanes and sum(not lane.closed for lane in self.lanes) < self._allowed():
            busiest = max(self.lanes, key=lambda lane: lane.waiting)
            rest = busiest.halve()
            if rest is None:
                return
            busiest.end(rest.blocks[0])
            self._hand_over(rest)

    def _hand_over(self, rest: Rest) -> None:
        lane = self._start()
        lane.warm_up(rest.warm_up)
        lane.begin(self._segments.insert_after(rest.segment))
        for block in rest.blocks:
            lane.give(block)
        if rest.behind:
            lane.end(rest.behind)

    def _begin_segment(self, block: Block) -> Lane:
        before, after = self._lane, self._choose()
        if before is not after:
            if before is not None:
                before.end(block)
                after.warm_up(self._recent)
            after.begin(self._segments.append())
        self._lane = after
        self._left = self._segment_blocks()
        return after

    def _choose(self) -> Lane:
        """Return a new encoder if another one is allowed, else the one with the shortest queue."""
        allowed = self._allowed()
        if self._lane is not None and allowed == 1:
            return self._lane
        if len(self.lanes) < allowed:
            return self._start()
        return min(self.lanes, key=lambda lane: lane.waiting)

    def _start(self) -> Lane:
        lane = self._start_lane()
        self.lanes.append(lane)
        return lane

    def _segment_blocks(self) -> int:
        allowed = self._allowed()
        most = AHEAD_BYTES // max(1, allowed - 1) // self._blocks.size
        if self._expected is None:
            return max(_SEGMENT_LEAST_BLOCKS, min(_SEGMENT_UNKNOWN_BLOCKS, most))
        rounds = math.ceil(self._expected / (allowed * max(1, most))) or 1
        wanted = math.ceil(self._expected / (allowed * rounds))
        return max(_SEGMENT_LEAST_BLOCKS, min(wanted, most))

    def _remember(self, block: Block) -> None:
        """Keep the last blocks for the warm-up of the next segment's encoder."""
        block.readers += 1
        self._recent.append(block)
        if len(self._recent) > lanes.WARM_UP_BLOCKS:
            oldest = self._recent.popleft()
            oldest.readers -= 1
            self._blocks.recycle([oldest])

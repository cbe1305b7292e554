"""Cutting: with any number and speed of encoders, each frame comes once, in order, and with enough sound around it."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from functions.convert import cutting, mp3
from functions.convert.blocks import BLOCK_FRAMES, Block, Blocks
from functions.convert.cutting import Cutter
from functions.convert.lane import WARM_UP_BLOCKS, Lane
from functions.convert.limits import Limits
from functions.convert.segments import Segments
from tests.unit.convert import encoder
from tests.unit.convert.encoder import FRAME_BYTES, KIND, Encoder, Frame

LOOKAHEAD = 3
WARM_UP = 3 * BLOCK_FRAMES - 4  # after a tail of four frames
LEAST_BLOCKS = 8


class Line:
    """A cutter with its encoders, controlled step by step."""

    def __init__(self, allowed: int, expected: float | None) -> None:
        self.allowed = allowed
        self.target = io.BytesIO()
        self.segments = Segments(mp3.Stream(KIND, 8), self.target, Limits(1e6, 2**30))
        self.blocks = Blocks(FRAME_BYTES)
        self.cutter = Cutter(self.segments, self.blocks, self._start, lambda: self.allowed, expected)
        self.encoders: list[Encoder] = []
        self.handed_out: list[Block] = []

    def _start(self) -> Lane:
        self.encoders.append(Encoder())
        return self.encoders[-1].lane

    def give(self, data: bytes) -> None:
        """Hand out one block."""
        block = self.blocks.new()
        block.data[: len(data)] = data
        block.length = len(data)
        self.handed_out.append(block)
        self.cutter.hand_out(block)

    def work(self, each: Encoder) -> None:
        """Let one encoder do what it can do now."""
        if not each.lane.closed:
            self.blocks.recycle(each.lane.write())
        if not each.done:
            each.work()
            each.lane.read()
            self.segments.write()

    def finish(self, chance: random.Random) -> list[Frame]:
        """Work until the end, like the real loop; return the frames in the file."""
        self.cutter.share_the_rest()
        while not all(each.done for each in self.encoders):
            each = chance.choice(self.encoders)
            self.work(each)
            if each.lane.waiting == 0 and not each.lane.closed:
                each.lane.close()
                self.cutter.share_the_rest()
        for each in self.encoders:
            while each.lane.read():
                pass
            self.segments.write()
            each.lane.splitter.end()
        return encoder.frames(self.target.getvalue())


@contextmanager
def line(allowed: int, expected: float | None = 0.0) -> Iterator[Line]:
    """Create a line, and close its pipes at the end."""
    opened = Line(allowed, expected)
    try:
        yield opened
    finally:
        for each in opened.encoders:
            each.close()


def assert_whole(found: list[Frame], length: int) -> None:
    """Assert that each frame came once, in order, with its warm-up and lookahead, at the right position."""
    assert [frame.number for frame in found] == list(range(length))
    for frame in found:
        assert frame.before >= min(frame.number, WARM_UP), frame
        assert frame.after >= min(LOOKAHEAD, length - 1 - frame.number), frame
        assert (frame.position - frame.number) % BLOCK_FRAMES == 0, frame


@pytest.mark.parametrize("seed", range(40))
def test_every_frame_comes_once_and_in_order(seed: int) -> None:
    """Encoders of any speed whose number changes, and a sound of any length."""
    chance = random.Random(seed)
    length = chance.randrange(1, 60 * BLOCK_FRAMES)
    expected = chance.choice([None, 0.0, length / BLOCK_FRAMES, 10.0, 1e6])
    idle = chance.random()
    with line(chance.randrange(1, 6), expected) as made:
        data = encoder.sound(length)
        for first in range(0, len(data), made.blocks.size):
            made.give(data[first : first + made.blocks.size])
            if chance.random() < 0.1:
                made.allowed = chance.randrange(1, 6)
            while chance.random() > idle:
                made.work(chance.choice(made.encoders))
        found = made.finish(chance)
        assert_whole(found, length)
        assert made.segments.all_written
        assert made.segments.frames == length
        # Only the next segment's warm-up blocks are still needed.
        assert sum(each.readers for each in set(made.handed_out)) <= WARM_UP_BLOCKS


def test_the_assertion_above_can_fail() -> None:
    whole = [Frame(number, number, number, LOOKAHEAD) for number in range(400)]
    assert_whole(whole[:397] + [frame._replace(after=399 - frame.number) for frame in whole[397:]], 400)
    for at, changes in ((300, {"before": 9}), (200, {"after": 1}), (50, {"position": 51}), (7, {"number": 8})):
        broken = list(whole)
        broken[at] = broken[at]._replace(**changes)
        with pytest.raises(AssertionError):
            assert_whole(broken, 400)


@pytest.mark.parametrize(
    ("allowed", "expected", "length"),
    [
        (1, 100.0, 100),  # one encoder, one segment
        (2, 0.0, LEAST_BLOCKS),  # past the expected end: the shortest segment
        (2, 100.0, 50),
        (4, 100.0, 25),
        (4, 10.0, LEAST_BLOCKS),
        (2, None, 24),
    ],
)
def test_the_length_of_segments(allowed: int, expected: float | None, length: int) -> None:
    with line(allowed, expected) as made:
        data = encoder.sound(100 * BLOCK_FRAMES)
        for first in range(0, len(data), made.blocks.size):
            made.give(data[first : first + made.blocks.size])
            for each in made.encoders:
                made.work(each)
        # Each segment gets a new encoder, up to the allowed number.
        starts = [min(each.heard) // BLOCK_FRAMES for each in made.encoders]
        assert len(starts) == allowed
        assert starts == [max(0, at * length - WARM_UP_BLOCKS) for at in range(allowed)]


def test_long_sounds_are_cut_into_several_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long sound is cut into several rounds with a segment for each encoder."""
    monkeypatch.setattr(cutting, "AHEAD_BYTES", 20 * BLOCK_FRAMES * FRAME_BYTES)
    with line(2, 100.0) as made:
        for _ in range(40):
            made.give(encoder.sound(BLOCK_FRAMES))
        # 100 blocks for 2 encoders with room for 20: 3 rounds of 17.
        assert [len(each.lane._spans) for each in made.encoders] == [2, 1]
        assert made.encoders[0].lane._spans[0].end == 17 * BLOCK_FRAMES


def test_the_rest_is_halved_until_every_core_has_work() -> None:
    """One encoder got all of it, because the sound was expected to be longer."""
    blocks = 100
    with line(4, 1e6) as made:
        data = encoder.sound(blocks * BLOCK_FRAMES)
        made.allowed = 1
        for first in range(0, len(data), made.blocks.size):
            made.give(data[first : first + made.blocks.size])
        assert len(made.encoders) == 1
        made.allowed = 4
        made.cutter.share_the_rest()
        assert len(made.encoders) == 4
        # (100 - 3) // 2 = 48 are taken; of the 52 that stay, 24; of the 48, 22.
        assert made.encoders[0].lane._spans[-1].end == 28 * BLOCK_FRAMES
        assert max(each.lane.waiting for each in made.encoders) < 40 * BLOCK_FRAMES * FRAME_BYTES
        assert_whole(made.finish(random.Random(1)), blocks * BLOCK_FRAMES)


def test_a_short_rest_is_not_shared() -> None:
    with line(1) as made:
        for _ in range(14):  # (14 - 3) // 2 = 5: too few for a new encoder
            made.give(bytes(made.blocks.size))
        made.allowed = 8
        made.cutter.share_the_rest()
        assert len(made.encoders) == 1
        made.give(bytes(made.blocks.size))
        made.cutter.share_the_rest()
        assert len(made.encoders) == 2

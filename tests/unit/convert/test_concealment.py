"""Concealment: after a hole, no frame needs main data from before it, and the rest is unchanged."""

from __future__ import annotations

import random

import pytest

from functions.convert import mp3
from functions.convert.concealment import Concealment
from tests.unit.convert.frames import KINDS, Content, content, contents, frame, laid_out

REPEATED = 4
HOLE = 5  # frames before it


def after_a_hole(kind: mp3.Kind, share: float, seed: int) -> tuple[list[bytes], list[Content]]:
    """Return frames that use the reservoir and have lost those before them, and all of their contents."""
    source = random.Random(f"{kind}{share}{seed}")
    wanted = [content(kind, share, source) for _ in range(60)]
    return laid_out(kind, [frame(kind, each) for each in wanted])[HOLE:], wanted[HOLE:]


def is_silent(one: Content) -> bool:
    return not one.main and not one.side.strip("0")


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_frames_that_lack_main_data_repeat_the_first_that_does_not(kind: mp3.Kind, share: float) -> None:
    lacked = 0
    for seed in range(10):
        frames, wanted = after_a_hole(kind, share, seed)
        concealment = Concealment(kind)
        assert list(concealment.cut()) == []
        made = [each for one in frames for each in concealment.take(one)]
        assert list(concealment.end()) == []
        assert len(made) == len(frames)
        found = contents(kind, made)
        whole = next(number for number, each in enumerate(made) if each == frames[number])
        assert found[whole:] == wanted[whole:]
        assert made[whole:] == frames[whole:]
        for number, each in enumerate(found[:whole]):
            assert is_silent(each) or (each == wanted[whole] and number >= whole - REPEATED)
        lacked += whole
    assert lacked


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_frames_are_unchanged_without_a_hole(kind: mp3.Kind) -> None:
    frames, _ = after_a_hole(kind, 0.3, 1)
    concealment = Concealment(kind)
    assert [each for one in frames for each in concealment.take(one)] == frames


def protected(one: bytes) -> bytes:
    """Return a stuffed frame with a CRC, which is between header and side information."""
    return one[:1] + bytes([one[1] & 0xFE]) + one[2:4] + b"cc" + one[4:-2]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_frame_that_replaces_one_with_a_crc_has_none(kind: mp3.Kind) -> None:
    source = random.Random(4)
    lost, wanted = (content(kind, 0.2, source) for _ in range(2))
    whole = protected(frame(kind, wanted))
    concealment = Concealment(kind)
    list(concealment.cut())
    assert list(concealment.take(protected(frame(kind, lost, begin=100)))) == []
    replaced, last = concealment.take(whole)
    assert (contents(kind, [replaced]), last) == ([wanted], whole)


def test_what_is_held_at_the_end_or_at_another_hole_is_silent() -> None:
    kind = KINDS[1]
    frames, _ = after_a_hole(kind, 1.0, 3)
    lacking = next(each for each in frames if mp3.parts_of(each, kind).begin)
    for ending in (Concealment.end, Concealment.cut):
        concealment = Concealment(kind)
        list(concealment.cut())
        assert list(concealment.take(lacking)) == []
        (silent,) = ending(concealment)
        assert is_silent(*contents(kind, [silent]))
        assert len(silent) == len(lacking)

"""The bit reservoir: frames become smaller; their side information and main data stay the same, and are found."""

from __future__ import annotations

import random
from array import array

import pytest

from functions.convert import mp3
from functions.convert.reservoir import Reservoir
from tests.unit.convert.frames import (
    HEADER_BYTES,
    KINDS,
    MOST_BEGIN,
    PROTECTED,
    UNPROTECTED,
    content,
    contents,
    frame,
    laid_out,
)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_contents_are_the_same_in_smaller_frames(kind: mp3.Kind, share: float) -> None:
    source = random.Random(f"{kind}{share}")
    wanted = [content(kind, share, source) for _ in range(300)]
    frames = [frame(kind, each) for each in wanted]
    assert contents(kind, frames) == wanted
    made = laid_out(kind, frames)
    assert contents(kind, made) == wanted
    least = max(300 * kind.sizes()[0], sum(HEADER_BYTES + kind.side_info + len(each.main) for each in wanted))
    assert least <= sum(map(len, made)) <= min(sum(map(len, frames)), least + 1500)
    if share >= 0.3:
        assert sum(map(len, made)) < 0.97 * sum(map(len, frames))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_headers_keep_all_but_their_bitrate(kind: mp3.Kind) -> None:
    source = random.Random(1)
    frames = [frame(kind, content(kind, 0.5, source)) for _ in range(50)]
    made = laid_out(kind, frames)
    assert [(a[:2], a[2] & 0x0F, a[3]) for a in made] == [(b[:2], b[2] & 0x0F, b[3]) for b in frames]


@pytest.mark.parametrize("at_once", [1, 7])
def test_the_layout_does_not_depend_on_how_many_frames_come_at_once(at_once: int) -> None:
    source = random.Random(2)
    frames = [frame(KINDS[1], content(KINDS[1], source.random(), source)) for _ in range(100)]
    assert laid_out(KINDS[1], frames, at_once) == laid_out(KINDS[1], frames)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_silence_between_sounds(kind: mp3.Kind) -> None:
    """Silent frames leave more room than main_data_begin can reach."""
    source = random.Random(3)
    wanted = [content(kind, share, source) for share in [1.0, *[0.0] * 200, 1.0, *[0.0] * 200]]
    frames = [frame(kind, each) for each in wanted]
    reservoir = Reservoir(kind)
    for each in frames:
        reservoir.lay_out(each, [len(each)])
        assert reservoir.frames <= 1 + MOST_BEGIN[kind.granules] // (kind.sizes()[0] - HEADER_BYTES - kind.side_info)
    assert contents(kind, laid_out(kind, frames)) == wanted


@pytest.mark.parametrize(("begin", "protection"), [(1, UNPROTECTED), (0, PROTECTED)])
def test_a_frame_that_depends_on_others_is_a_defect(begin: int, protection: int) -> None:
    one = frame(KINDS[0], content(KINDS[0], 0.5, random.Random(4)), begin, protection)
    with pytest.raises(RuntimeError, match="depends on others"):
        Reservoir(KINDS[0]).lay_out(one, [len(one)])


def test_no_frames() -> None:
    assert Reservoir(KINDS[0]).lay_out(b"", []) == (b"", array("I"))
    assert Reservoir(KINDS[0]).end() == (b"", array("I"))

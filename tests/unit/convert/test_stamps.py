"""Time stamps of packets: read as ffmpeg lists them, and the holes that they show."""

from __future__ import annotations

import pytest

from functions.convert.filters import Clock
from functions.convert.stamps import Stamps, Timeline

LIST = b"""#software: Lavf63.1.102
#tb 0: 1/1000
#media_type 0: audio
0,          0,          0,       24,      384, 0xce980af5
0,         24,         24,       24,      380, 0xce980af5, S=1, MPEGTS Stream ID,        1, 0x00c000c0
0,       3024,       3024,       24,      384, 0xce980af5
"""


@pytest.mark.parametrize("at_once", [1, 50, 1000])
def test_a_list_in_pieces(at_once: int) -> None:
    stamps = Stamps()
    for start in range(0, len(LIST), at_once):
        stamps.take(LIST[start : start + at_once])
    assert stamps.reach(1147)
    assert not stamps.reach(1148)
    assert [stamps.at(position) for position in (0, 100, 384, 764)] == [0.0, None, 0.024, 3.024]


def test_packets_that_are_not_known_yet() -> None:
    stamps = Stamps()
    stamps.take(LIST[:150])
    assert not stamps.reach(384)
    assert stamps.at(384) is None
    stamps.take(b"")
    assert stamps.reach(384), "nothing is waited for after the end of the list"


def holes(clock: Clock, *stamps: float | None, length: float = 0.1) -> list[float]:
    timeline = Timeline(clock)
    return [round(timeline.advance(stamp, length), 6) for stamp in stamps]


def test_holes() -> None:
    clock = Clock(stamped=True, length=10.0)
    assert holes(clock, 0.0, 0.1, 3.2, 3.3) == [0.0, 0.0, 3.0, 0.0]
    assert holes(clock, 3.0, 3.1) == [3.0, 0.0], "a late start"
    assert holes(clock, 0.0, None, 0.3) == [0.0, 0.0, 0.1]


def test_small_distances_add_up() -> None:
    assert holes(Clock(stamped=True, length=10.0), 0.0, 0.13, 0.26, 0.36) == [0.0, 0.0, 0.06, 0.0]


@pytest.mark.parametrize(
    ("clock", "stamps"),
    [
        (Clock(stamped=True, length=10.0), (0.0, 20.0, 20.1)),
        (Clock(stamped=True, length=9000.0), (0.0, 5000.0, 5000.1)),
        (Clock(stamped=True), (0.0, 100.0, 100.1)),
        (Clock(stamped=True, length=10.0), (0.0, -3.0, -2.9)),
        (Clock(stamped=False, length=10.0), (0.0, 3.0, 3.1)),
        (Clock(stamped=True, length=10.0), (0.0, 0.05, 0.1)),
    ],
)
def test_jumps_are_no_holes(clock: Clock, stamps: tuple[float, ...]) -> None:
    assert holes(clock, *stamps) == [0.0, 0.0, 0.0]


def test_after_a_jump_holes_count_again() -> None:
    assert holes(Clock(stamped=True, length=10.0), 0.0, 100.0, 101.1) == [0.0, 0.0, 1.0]


def test_a_track_that_ffmpeg_counts_from_its_own_start() -> None:
    assert holes(Clock(stamped=True, length=10.0, ahead=3.0), 0.0, 0.1) == [3.0, 0.0]

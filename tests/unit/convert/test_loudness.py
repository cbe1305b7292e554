"""Loudness: which gain is tried next, and when a result is good enough, without real sound."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from functions.convert import loudness
from functions.convert.loudness import _Change, _Measured, _Search, _Trial
from functions.convert.sound import Timing

RATE = 44_100
CEILING = -2.0


def change(peak: float, gain: float, ceiling: float = CEILING) -> _Change:
    return _Change(RATE, peak, gain, ceiling)


def test_sound_with_low_peaks_only_gets_a_gain() -> None:
    assert change(-20.0, 10.0).filters() == ("volume=10.000dB",)
    assert change(-20.0, 10.0).filters(-1.5) == ("volume=8.500dB",)


def test_high_peaks_are_limited_between_the_samples() -> None:
    filters = change(-3.0, 10.0).filters(0.5)
    assert filters == (
        "volume=10.000dB",
        "aresample=176400",
        "alimiter=limit=0.79433:level=false:latency=true",  # 10 ** (-2 / 20)
        "aresample=44100",
        "volume=0.500dB",
    )


@pytest.mark.parametrize(
    ("missing", "room", "further", "good"),
    [
        (0.1, 1.0, 0.0, True),  # close enough already
        (2.0, 3.0, 2.0, True),  # a small gain within the peaks
        (2.0, 2.0, 1.5, False),  # half a decibel of headroom is kept
        (4.0, 9.0, 4.0, False),  # too much to accept without another trial
        (-1.0, 1.0, -1.0, True),
        (1.0, -0.5, -1.5, False),  # too high: go well below the limit first
        (-9.0, -0.5, -9.0, False),
    ],
)
def test_a_further_gain(missing: float, room: float, further: float, good: bool) -> None:
    trial = _Trial(change(-10.0, 5.0), missing, room)
    assert trial.further == pytest.approx(further)
    assert trial.error == pytest.approx(abs(missing - further))
    assert trial.good is good


def searched(measure: Callable[[_Change], _Measured], own: _Measured, target: float) -> tuple[tuple[str, ...], int]:
    """Search with made-up measurements; return the filters that were found, and the number of trials."""
    trials = []

    class Search(_Search):
        def _sound(self) -> tuple[int, _Measured]:
            return RATE, own

        def _mp3(self, change: _Change) -> _Measured:
            trials.append(change)
            return measure(change)

    nothing: Any = SimpleNamespace()
    return Search(nothing, Timing(), nothing).filters(target), len(trials)


def test_an_encoder_that_changes_nothing_is_tried_once() -> None:
    found = searched(lambda tried: _Measured(-30.0 + tried.gain, tried.top), _Measured(-30.0, -20.0), -16.0)
    assert found == (("volume=14.000dB",), 1)


def test_an_encoder_that_attenuates_is_compensated() -> None:
    found = searched(lambda tried: _Measured(-31.0 + tried.gain, tried.top), _Measured(-30.0, -20.0), -16.0)
    assert found == (("volume=15.000dB",), 1)


def test_no_result_has_high_peaks() -> None:
    """An encoder that adds two decibels to each peak, and a target that cannot be reached."""
    tops = []

    def measure(tried: _Change) -> _Measured:
        tops.append(tried.top + 2.0)
        return _Measured(min(-30.0 + tried.gain, -10.0), tried.top + 2.0)

    filters, trials = searched(measure, _Measured(-30.0, -3.0), -8.0)
    assert trials == 3
    assert max(tops) > loudness._MOST_DBTP  # the first trial was too high
    limit = float(filters[2].partition("limit=")[2].partition(":")[0])
    last = float(filters[-1].removeprefix("volume=").removesuffix("dB"))
    assert 0 < limit <= 10 ** ((loudness._MOST_DBTP - 2.0 - last) / 20) + 1e-5


@pytest.mark.parametrize("own", [_Measured(-70.0, -80.0), _Measured(float("-inf"), float("-inf"))])
def test_silence_is_unchanged(own: _Measured) -> None:
    assert searched(lambda tried: own, own, -16.0) == ((), 0)

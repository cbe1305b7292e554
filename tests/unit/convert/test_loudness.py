"""Loudness: what is tried next, and when what was tried is good enough, without a sound."""

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


def test_peaks_below_the_ceiling_are_only_turned() -> None:
    assert change(-20.0, 10.0).filters() == ("volume=10.000dB",)
    assert change(-20.0, 10.0).filters(-1.5) == ("volume=8.500dB",)


def test_peaks_above_it_are_limited_between_the_samples() -> None:
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
        (0.1, 1.0, 0.0, True),  # near enough as it is
        (2.0, 3.0, 2.0, True),  # a small gain that the peaks allow
        (2.0, 2.0, 1.5, False),  # half a decibel is left free
        (4.0, 9.0, 4.0, False),  # too much to be sure of without another trial
        (-1.0, 1.0, -1.0, True),
        (1.0, -0.5, -1.5, False),  # too high: below the limit first, and well so
        (-9.0, -0.5, -9.0, False),
    ],
)
def test_what_a_further_gain_may_do(missing: float, room: float, further: float, good: bool) -> None:
    trial = _Trial(change(-10.0, 5.0), missing, room)
    assert trial.further == pytest.approx(further)
    assert trial.error == pytest.approx(abs(missing - further))
    assert trial.good is good


def searched(heard: Callable[[_Change], _Measured], own: _Measured, target: float) -> tuple[tuple[str, ...], int]:
    """Search with measurements that are made up; return the filters that were found, and the number of trials."""
    trials = []

    class Search(_Search):
        def _sound(self) -> tuple[int, _Measured]:
            return RATE, own

        def _mp3(self, change: _Change) -> _Measured:
            trials.append(change)
            return heard(change)

    nothing: Any = SimpleNamespace()
    return Search(nothing, Timing(), nothing).filters(target), len(trials)


def test_an_encoder_that_changes_nothing_is_tried_once() -> None:
    found = searched(lambda tried: _Measured(-30.0 + tried.gain, tried.top), _Measured(-30.0, -20.0), -16.0)
    assert found == (("volume=14.000dB",), 1)


def test_an_encoder_that_makes_it_softer_is_made_up_for() -> None:
    found = searched(lambda tried: _Measured(-31.0 + tried.gain, tried.top), _Measured(-30.0, -20.0), -16.0)
    assert found == (("volume=15.000dB",), 1)


def test_no_result_has_peaks_that_are_too_high() -> None:
    """An encoder that adds two decibels to each peak, and a target that is out of reach."""
    tops = []

    def heard(tried: _Change) -> _Measured:
        tops.append(tried.top + 2.0)
        return _Measured(min(-30.0 + tried.gain, -10.0), tried.top + 2.0)

    filters, trials = searched(heard, _Measured(-30.0, -3.0), -8.0)
    assert trials == 3
    assert max(tops) > loudness._MOST_DBTP  # the first one was too high
    limit = float(filters[2].partition("limit=")[2].partition(":")[0])
    last = float(filters[-1].removeprefix("volume=").removesuffix("dB"))
    assert 0 < limit <= 10 ** ((loudness._MOST_DBTP - 2.0 - last) / 20) + 1e-5


@pytest.mark.parametrize("own", [_Measured(-70.0, -80.0), _Measured(float("-inf"), float("-inf"))])
def test_silence_stays_as_it_is(own: _Measured) -> None:
    assert searched(lambda tried: own, own, -16.0) == ((), 0)

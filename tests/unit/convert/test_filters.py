"""Filters: ffmpeg's filters, built from the options."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from functions.common.options import Options
from functions.convert import filters, mp3


@pytest.mark.parametrize(
    ("options", "layouts"), [(Options(), "mono|stereo"), (Options(channels=1), "mono"), (Options(channels=2), "stereo")]
)
def test_channels(options: Options, layouts: str) -> None:
    assert filters.negotiated(options)[0].endswith(f":channel_layouts={layouts}")


def test_rates_are_limited_to_those_of_mp3() -> None:
    rates = filters.negotiated(Options())[1].partition("sample_rates=")[2].split("|")
    assert {int(rate) for rate in rates} == {rate for rates in mp3.RATES.values() for rate in rates}
    assert filters.negotiated(Options(samplerate=22_050))[1].endswith("sample_rates=22050")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), []),
        (Options(start=0.0), []),
        (Options(start=65.0), ["atrim=start=65.000000"]),
        (Options(end=150.5), ["atrim=end=150.500000"]),
        (Options(start=1e-05, end=2.5), ["atrim=start=0.000010:end=2.500000"]),  # not 1e-05, which ffmpeg reads as 1
    ],
)
def test_cutting(options: Options, expected: list[str]) -> None:
    assert filters.cut(options) == expected


@pytest.mark.parametrize("rate", sorted(rate for rates in mp3.RATES.values() for rate in rates))
@pytest.mark.parametrize("speed", [0.25, 0.97, 1.01, 1.25, 1.333, math.pi, 4.0])
def test_another_speed(rate: int, speed: float) -> None:
    """Oversampled four times; first, everything that would become too high is removed."""
    steps = [int(each.removeprefix("aresample=")) for each in filters.oversampled(rate, speed)]
    assert steps[-1] == 4 * rate
    if speed < 1:
        assert len(steps) == 1
        return
    low = steps[0]
    # The cut-off is at most half the rate after the speed change, and only slightly less.
    assert low * speed <= rate
    assert rate - low * speed <= 4 * math.gcd(rate, 100) * speed
    assert Fraction(low, 4 * rate).denominator <= 2205

"""Filters: what ffmpeg is told to do to the sound, from the options alone."""

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


def test_rates_are_those_that_mp3_has() -> None:
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
        (Options(start=1e-05, end=2.5), ["atrim=start=0.000010:end=2.500000"]),  # no 1e-05, which ffmpeg reads as 1
    ],
)
def test_cutting(options: Options, expected: list[str]) -> None:
    assert filters.cut(options) == expected


@pytest.mark.parametrize("rate", sorted(rate for rates in mp3.RATES.values() for rate in rates))
@pytest.mark.parametrize("speed", [0.25, 0.97, 1.01, 1.25, 1.333, math.pi, 4.0])
def test_another_speed(rate: int, speed: float) -> None:
    """Oversampled by four; what would be too high when it plays faster is taken out first."""
    steps = [int(each.removeprefix("aresample=")) for each in filters.oversampled(rate, speed)]
    assert steps[-1] == 4 * rate
    if speed < 1:
        assert len(steps) == 1
        return
    low = steps[0]
    # At most what lies below half the rate once it is faster, and not much less.
    assert low * speed <= rate
    assert rate - low * speed <= 4 * math.gcd(rate, 100) * speed
    assert Fraction(low, 4 * rate).denominator <= 2205

"""Filters: ffmpeg's filters, built from the options."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest

from functions.common.options import Options
from functions.convert import filters, mp3
from functions.convert.filters import UNSTAMPED


@pytest.mark.parametrize(
    ("options", "mono", "layout"),
    [
        (Options(), False, "stereo"),
        (Options(), True, "mono"),
        (Options(channels=1), False, "mono"),
        (Options(channels=2), True, "stereo"),
    ],
)
def test_channels(options: Options, mono: bool, layout: str) -> None:
    (mix,) = [each for each in filters.negotiated(options, UNSTAMPED, mono=mono) if each.startswith("pan=")]
    assert mix.startswith(f"pan={layout}|")


def test_a_mix_has_every_channel_but_those_of_low_frequency_effects() -> None:
    named = re.findall(r"\*([A-Z]+)", filters.negotiated(Options(channels=1), UNSTAMPED, mono=False)[1])
    assert len(named) == len(set(named))
    assert {name.replace("L", "R") for name in named} <= set(named), "the sides are alike"
    assert {"FL", "FC", "BL", "BC", "SL", "FLC", "TC", "TFL", "TFC", "TBL", "TBC", "DL", "WL"} <= set(named)
    assert not {"LFE", "LFE2"} & set(named)


def test_rates_are_limited_to_those_of_mp3() -> None:
    rates = filters.negotiated(Options(), UNSTAMPED, mono=False)[-1].partition("sample_rates=")[2].split("|")
    assert {int(rate) for rate in rates} == {rate for rates in mp3.RATES.values() for rate in rates}
    assert filters.negotiated(Options(samplerate=22_050), UNSTAMPED, mono=False)[-1].endswith("sample_rates=22050")


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

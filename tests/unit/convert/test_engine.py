"""The engine: the expected length, results that are too short, and LAME's settings from the options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from functions.common.options import Options
from functions.convert import engine
from functions.convert.engine import _Work
from functions.convert.lame import Settings
from functions.convert.limits import Limits
from functions.convert.probe import Media, Track
from functions.convert.selection import alone


def work(duration: float | None, options: Options) -> _Work:
    """Return a conversion of a file with this declared length."""
    media = Media("mov,mp4", duration, 0.0, (Track(0, 1),), None, None, {}, ())
    unused: Any = None
    return _Work(Path("in"), media, alone(media.tracks[0]), options, Limits(1.0, 1), unused, lambda: 1)


@pytest.mark.parametrize(
    ("duration", "options", "expected"),
    [
        (None, Options(end=5.0), None),
        (60.0, Options(), 60.0),
        (60.0, Options(start=10.0, end=30.0), 20.0),
        (60.0, Options(start=10.0, end=90.0), 50.0),
        (60.0, Options(start=10.0, speed=2.0), 25.0),
        (60.0, Options(start=70.0), 0.0),
    ],
)
def test_the_expected_length(duration: float | None, options: Options, expected: float | None) -> None:
    assert work(duration, options).expected == expected


@pytest.mark.parametrize(
    ("duration", "seconds", "cut"),
    [
        (None, 0.1, False),
        (100.0, 100.0, False),
        (100.0, 90.1, False),
        (100.0, 89.9, True),
        (5.0, 4.1, False),  # short files may end a second early
        (5.0, 3.9, True),
    ],
)
def test_a_result_that_is_too_short(duration: float | None, seconds: float, cut: bool) -> None:
    assert work(duration, Options()).is_cut(seconds) is cut


@pytest.mark.parametrize(
    ("options", "rate", "settings", "scale"),
    [
        (Options(), 44_100, Settings(None, 2, 3), 77),
        (Options(quality=0, effort=0), 44_100, Settings(None, 0, 0), 100),
        (Options(bitrate=320), 44_100, Settings(320, 2, 3), 97),
        (Options(bitrate=320), 22_050, Settings(160, 2, 3), 97),  # the maximum at that rate
        (Options(bitrate=320), 8000, Settings(64, 2, 3), 97),
    ],
)
def test_settings(options: Options, rate: int, settings: Settings, scale: int) -> None:
    assert engine._settings(options, rate) == settings
    assert settings.scale() == scale
    rate_words = ["-q:a", str(settings.quality)] if settings.bitrate is None else ["-b:a", f"{settings.bitrate}k"]
    assert settings.words()[2:4] == rate_words

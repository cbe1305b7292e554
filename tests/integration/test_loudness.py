"""Loudness as ffmpeg's ebur128 hears it: of the MP3 that plain libmp3lame makes of what the search has found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import Options
from functions.convert import loudness, sound
from functions.convert.cage import Cage
from functions.convert.lame import Settings
from functions.convert.probe import Track
from tests.integration.hearing import samples_of
from tests.media import music, pcm
from tests.media.pcm import Samples, made_of

RATE = 44_100
SECONDS = 10.0
NEAR_LU = 0.5
MOST_DBTP = -1.0
MOST_RUNS = 4


@dataclass(frozen=True)
class Levelled:
    """What came of it: the sound for the encoders, and the MP3 that they make."""

    rate: int
    samples: Samples
    mp3: bytes
    filters: tuple[str, ...]


@pytest.fixture
def levelled(cage: Cage, tmp_path: Path) -> Callable[..., Levelled]:
    """What options make of samples."""

    def level(samples: Samples, rate: int = RATE, **options: Any) -> Levelled:
        path = made_of(samples, rate, tmp_path / "in.wav", "-c:a", "pcm_f32le")
        settings = Settings(options.get("bitrate"), options.get("quality", 2), 3)
        found = loudness.find_level(path, Track(0, 1), Options(**options), cage, lambda _rate: settings)
        started = sound.start(path, Track(0, 1), Options(**options), cage, found)
        result = samples_of(started)
        mp3 = pcm.mp3_of(result, started.rate, *settings.words())
        return Levelled(started.rate, result, mp3, found.filters)

    return level


def speech(amplitude: float, seconds: float = SECONDS, rate: int = RATE, channels: int = 2) -> Samples:
    """Return something like a voice: syllables of a buzz, some louder than others, and pauses."""
    moments = numpy.arange(int(seconds * rate)) / rate
    buzz = sum(numpy.sin(2 * numpy.pi * 140 * each * moments + each) / each for each in range(1, 15))
    syllables = numpy.maximum(0, numpy.sin(6 * numpy.pi * moments)) * (1.2 + numpy.sin(1.3 * moments))
    pauses = numpy.sin(2.5 * moments) > -0.5
    return numpy.repeat((amplitude * buzz * syllables * pauses / 4)[:, None], channels, 1)


def pink(amplitude: float, seconds: float = SECONDS) -> Samples:
    noise = music.pink_noise(numpy.random.default_rng(3))[: int(seconds * RATE)]
    return amplitude * numpy.repeat((noise / numpy.abs(noise).max())[:, None], 2, 1)


@cache
def clicks_over_noise() -> Samples:
    """Return quiet noise with a click each second that is a hundred times as high."""
    samples = pink(0.03)
    samples[RATE // 3 :: RATE] = 0.95
    samples[RATE // 3 + 1 :: RATE] = -0.95
    return samples


@cache
def song() -> Samples:
    data = b"".join(music.bars(int(SECONDS / music.BAR_SECONDS)))
    samples: Samples = numpy.frombuffer(data, "<i2").reshape(-1, music.CHANNELS) / 32_768
    return samples


def crushed() -> Samples:
    """Return a song as loud and as flat as some are sold."""
    samples: Samples = numpy.tanh(6 * song())
    return samples


def assert_level(mp3: bytes, target: float) -> None:
    heard, peak = pcm.loudness(mp3)
    assert abs(heard - target) <= NEAR_LU, f"{heard} LUFS instead of {target}"
    assert peak < MOST_DBTP, f"a true peak of {peak} dBTP"


@pytest.mark.parametrize(
    ("samples", "target"),
    [
        pytest.param(lambda: speech(0.02), -16, id="quiet speech"),
        pytest.param(lambda: pink(1.0), -23, id="loud noise"),
        pytest.param(clicks_over_noise, -14, id="sparse clicks"),
        pytest.param(lambda: speech(0.3, channels=1), -16, id="mono"),
        pytest.param(song, -14, id="a song"),
        pytest.param(song, -10, id="a song, very loud"),
        pytest.param(song, -35, id="a song, very quiet"),
        pytest.param(crushed, -8, id="a crushed song"),
        pytest.param(lambda: speech(0.1, seconds=0.5), -16, id="half a second"),
    ],
)
def test_the_mp3_is_as_loud_as_asked(
    samples: Callable[[], Samples], target: float, levelled: Callable[..., Levelled]
) -> None:
    """Within half a unit, with no peak above -1; so is the sound itself, which VBR leaves as it is."""
    result = levelled(samples(), normalize=float(target))
    assert_level(result.mp3, target)
    assert abs(pcm.loudness(result.samples, result.rate)[0] - target) <= NEAR_LU


@pytest.mark.parametrize(
    ("samples", "options"),
    [
        (song, {"bitrate": 320}),
        (song, {"bitrate": 192}),
        (song, {"bitrate": 128}),
        (song, {"bitrate": 64, "channels": 1}),
        (song, {"bitrate": 32}),
        (song, {"quality": 0}),
        (song, {"quality": 5}),
        (song, {"quality": 9}),
        (song, {"samplerate": 22_050, "bitrate": 96}),
        (clicks_over_noise, {"bitrate": 320}),
        (clicks_over_noise, {"bitrate": 128}),
        (clicks_over_noise, {"bitrate": 64, "channels": 1}),
        (clicks_over_noise, {"quality": 5}),
        (clicks_over_noise, {"quality": 9}),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_it_is_the_mp3_that_counts(
    samples: Callable[[], Samples], options: dict[str, int], levelled: Callable[..., Levelled]
) -> None:
    """LAME takes half a decibel off most constant bitrates, cuts what is very high, and raises peaks."""
    assert_level(levelled(samples(), normalize=-14.0, **options).mp3, -14)


def test_a_voice_of_8_kilohertz(levelled: Callable[..., Levelled]) -> None:
    result = levelled(speech(0.3, rate=8000, channels=1), 8000, normalize=-16.0)
    assert result.rate == 8000
    assert_level(result.mp3, -16)


def test_what_effects_made_is_what_is_measured(levelled: Callable[..., Levelled]) -> None:
    """Long fades and another speed change the loudness; the volume that was asked for gives way."""
    options = {"speed": 1.5, "fade_in": 3.0, "fade_out": 4.0, "volume": 0.1, "start": 1.0}
    result = levelled(speech(0.2, seconds=13), normalize=-14.0, **options)
    assert len(result.samples) == pytest.approx(8 * RATE, abs=2)
    assert_level(result.mp3, -14)


@pytest.mark.parametrize("samples", [numpy.zeros((3 * RATE, 2)), speech(0.3, seconds=0.3)], ids=["silence", "0.3 s"])
def test_what_has_no_loudness_stays_as_it_is(samples: Samples, levelled: Callable[..., Levelled]) -> None:
    assert (levelled(samples, normalize=-16.0).samples == samples.astype("f4")).all()


def test_what_is_not_a_number_has_no_loudness(cage: Cage, tmp_path: Path) -> None:
    samples = pink(0.1).astype("f4")
    samples[RATE] = numpy.inf
    samples[2 * RATE] = numpy.nan
    path = made_of(samples, RATE, tmp_path / "in.wav", "-c:a", "pcm_f32le")
    assert _find_level(path, Options(normalize=-16.0), cage).filters == ()


def test_peaks_that_fit_are_left_alone(levelled: Callable[..., Levelled]) -> None:
    """Nothing but a factor is applied where that does it."""
    samples = song()
    result = levelled(samples, normalize=-30.0)
    factor = result.samples[RATE, 0] / samples[RATE, 0]
    assert numpy.abs(result.samples - factor * samples).max() < 1e-6


def test_limiting_neither_moves_nor_cuts_the_sound(levelled: Callable[..., Levelled]) -> None:
    """The limiter looks ahead and works at another rate; what comes out begins and ends where it did."""
    samples = clicks_over_noise()
    result = levelled(samples, normalize=-14.0)
    assert any("alimiter" in each for each in result.filters)
    assert len(result.samples) == len(samples)
    heights = numpy.abs(result.samples[:, 0])
    assert [int(heights[at - 500 : at + 500].argmax()) - 500 for at in range(RATE // 3, len(samples), RATE)] == (
        pytest.approx([0.5] * int(SECONDS), abs=0.5)
    )


def test_a_loudness_out_of_reach_is_approached_within_the_peaks(levelled: Callable[..., Levelled]) -> None:
    heard, peak = pcm.loudness(levelled(song(), normalize=-5.0).mp3)
    assert -9 < heard < -5
    assert peak < MOST_DBTP


def test_the_search_ends_after_four_runs(levelled: Callable[..., Levelled], cage: Cage) -> None:
    """Two programs for each run, and one that decodes at last: that many logs there are."""
    levelled(song(), normalize=-5.0)
    assert len(list(cage.folder.glob("*.log"))) <= 2 * MOST_RUNS + 1


@pytest.mark.parametrize(
    ("options", "kind"), [({"start": 60.0}, errors.OUT_OF_RANGE), ({"start": 60.0, "speed": 2.0}, errors.OUT_OF_RANGE)]
)
def test_nothing_to_measure(options: dict[str, float], kind: errors.Kind, levelled: Callable[..., Levelled]) -> None:
    with pytest.raises(Failure) as failure:
        levelled(song(), normalize=-16.0, **options)
    assert failure.value.kind is kind


def _find_level(path: Path, options: Options, cage: Cage) -> sound.Level:
    quality = 2 if options.quality is None else options.quality
    return loudness.find_level(path, Track(0, 1), options, cage, lambda _rate: Settings(options.bitrate, quality, 3))

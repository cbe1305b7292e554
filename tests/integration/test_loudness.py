"""Loudness as measured by ffmpeg's ebur128, of the MP3 that plain libmp3lame makes of the adjusted sound."""

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
from functions.convert.selection import alone
from tests.integration.sound_samples import samples_of
from tests.media import music, pcm
from tests.media.pcm import Samples, made_of

RATE = 44_100
SECONDS = 10.0
NEAR_LU = 0.5
MAX_DBTP = -1.0
MAX_RUNS = 4


@dataclass(frozen=True)
class Leveled:
    """The adjusted sound for the encoders, and their MP3."""

    rate: int
    samples: Samples
    mp3: bytes
    filters: tuple[str, ...]


@pytest.fixture
def leveled(cage: Cage, tmp_path: Path) -> Callable[..., Leveled]:
    """A function that applies options to samples."""

    def level(samples: Samples, rate: int = RATE, **options: Any) -> Leveled:
        path = made_of(samples, rate, tmp_path / "in.wav", "-c:a", "pcm_f32le")
        settings = Settings(options.get("bitrate"), options.get("quality", 2), 3)
        found = loudness.find_level(path, alone(Track(0, 1)), Options(**options), cage, lambda _rate: settings)
        started = sound.start(path, alone(Track(0, 1)), Options(**options), cage, found)
        result = samples_of(started)
        mp3 = pcm.mp3_of(result, started.rate, *settings.words())
        return Leveled(started.rate, result, mp3, found.filters)

    return level


def speech(amplitude: float, seconds: float = SECONDS, rate: int = RATE, channels: int = 2) -> Samples:
    """Return something like speech: buzzing syllables of different loudness, with pauses."""
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
    """Return quiet noise with a click a hundred times as high each second."""
    samples = pink(0.03)
    samples[RATE // 3 :: RATE] = 0.95
    samples[RATE // 3 + 1 :: RATE] = -0.95
    return samples


@cache
def song() -> Samples:
    data = b"".join(music.bars(int(SECONDS / music.BAR_SECONDS)))
    samples: Samples = numpy.frombuffer(data, "<i2").reshape(-1, music.CHANNELS) / 32_768
    return samples


def compressed_song() -> Samples:
    """Return a song that is compressed as hard as some commercial ones."""
    samples: Samples = numpy.tanh(6 * song())
    return samples


def assert_level(mp3: bytes, target: float) -> None:
    measured, peak = pcm.loudness(mp3)
    assert abs(measured - target) <= NEAR_LU, f"{measured} LUFS instead of {target}"
    assert peak < MAX_DBTP, f"a true peak of {peak} dBTP"


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
        pytest.param(compressed_song, -8, id="a compressed song"),
        pytest.param(lambda: speech(0.1, seconds=0.5), -16, id="half a second"),
    ],
)
def test_the_mp3_has_the_target_loudness(
    samples: Callable[[], Samples], target: float, leveled: Callable[..., Leveled]
) -> None:
    """Within half a unit, with no peak above -1; so is the sound itself, which VBR does not change."""
    result = leveled(samples(), normalize=float(target))
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
def test_the_loudness_is_that_of_the_mp3(
    samples: Callable[[], Samples], options: dict[str, int], leveled: Callable[..., Leveled]
) -> None:
    """LAME attenuates most constant bitrates by half a decibel, removes very high tones, and raises peaks."""
    assert_level(leveled(samples(), normalize=-14.0, **options).mp3, -14)


def test_a_voice_of_8_kilohertz(leveled: Callable[..., Leveled]) -> None:
    result = leveled(speech(0.3, rate=8000, channels=1), 8000, normalize=-16.0)
    assert result.rate == 8000
    assert_level(result.mp3, -16)


def test_loudness_is_measured_after_effects(leveled: Callable[..., Leveled]) -> None:
    """Long fades and another speed change the loudness, and the volume option has no effect."""
    options = {"speed": 1.5, "fade_in": 3.0, "fade_out": 4.0, "volume": 0.1, "start": 1.0}
    result = leveled(speech(0.2, seconds=13), normalize=-14.0, **options)
    assert len(result.samples) == pytest.approx(8 * RATE, abs=2)
    assert_level(result.mp3, -14)


@pytest.mark.parametrize("samples", [numpy.zeros((3 * RATE, 2)), speech(0.3, seconds=0.3)], ids=["silence", "0.3 s"])
def test_sound_without_loudness_is_unchanged(samples: Samples, leveled: Callable[..., Leveled]) -> None:
    assert (leveled(samples, normalize=-16.0).samples == samples.astype("f4")).all()


def test_nan_has_no_loudness(cage: Cage, tmp_path: Path) -> None:
    samples = pink(0.1).astype("f4")
    samples[RATE] = numpy.inf
    samples[2 * RATE] = numpy.nan
    path = made_of(samples, RATE, tmp_path / "in.wav", "-c:a", "pcm_f32le")
    assert _find_level(path, Options(normalize=-16.0), cage).filters == ()


def test_low_peaks_are_not_limited(leveled: Callable[..., Leveled]) -> None:
    """If a constant gain is enough, only that is applied."""
    samples = song()
    result = leveled(samples, normalize=-30.0)
    factor = result.samples[RATE, 0] / samples[RATE, 0]
    assert numpy.abs(result.samples - factor * samples).max() < 1e-6


def test_limiting_keeps_timing_and_length(leveled: Callable[..., Leveled]) -> None:
    """The limiter looks ahead and works at another rate, but the result starts and ends at the same time."""
    samples = clicks_over_noise()
    result = leveled(samples, normalize=-14.0)
    assert any("alimiter" in each for each in result.filters)
    assert len(result.samples) == len(samples)
    heights = numpy.abs(result.samples[:, 0])
    assert [int(heights[at - 500 : at + 500].argmax()) - 500 for at in range(RATE // 3, len(samples), RATE)] == (
        pytest.approx([0.5] * int(SECONDS), abs=0.5)
    )


def test_an_unreachable_loudness_is_approached(leveled: Callable[..., Leveled]) -> None:
    measured, peak = pcm.loudness(leveled(song(), normalize=-5.0).mp3)
    assert -9 < measured < -5
    assert peak < MAX_DBTP


def test_the_search_ends_after_four_runs(leveled: Callable[..., Leveled], cage: Cage) -> None:
    """Each run has two programs, and one decodes at the end: this determines the number of logs."""
    leveled(song(), normalize=-5.0)
    assert len(list(cage.folder.glob("*.log"))) <= 2 * MAX_RUNS + 1


@pytest.mark.parametrize(
    ("options", "kind"), [({"start": 60.0}, errors.OUT_OF_RANGE), ({"start": 60.0, "speed": 2.0}, errors.OUT_OF_RANGE)]
)
def test_nothing_to_measure(options: dict[str, float], kind: errors.Kind, leveled: Callable[..., Leveled]) -> None:
    with pytest.raises(Failure) as failure:
        leveled(song(), normalize=-16.0, **options)
    assert failure.value.kind is kind


def _find_level(path: Path, options: Options, cage: Cage) -> sound.Level:
    quality = 2 if options.quality is None else options.quality
    return loudness.find_level(
        path, alone(Track(0, 1)), options, cage, lambda _rate: Settings(options.bitrate, quality, 3)
    )

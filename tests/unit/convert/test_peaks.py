"""Peaks: the lowest and the highest sample of each piece, whatever the blocks in which the sound arrives."""

from __future__ import annotations

import warnings

import numpy
import pytest

from functions.common.waveform import Waveform
from functions.convert import mp3
from functions.convert.blocks import BLOCK_FRAMES
from functions.convert.peaks import MOST_PAIRS, STEP_SAMPLES, Peaks


def gathered(sound: numpy.ndarray, rate: int, block: int) -> Waveform:
    """Return the waveform of a sound that arrives in blocks of so many samples."""
    peaks = Peaks(rate, sound.shape[1])
    for start in range(0, len(sound), block):
        peaks.take(memoryview(sound[start : start + block].astype("<f4").tobytes()))
    return peaks.waveform()


def noise(samples: int, channels: int) -> numpy.ndarray:
    """Return noise that grows, so that pieces differ."""
    random = numpy.random.default_rng(samples)
    return random.uniform(-1, 1, (samples, channels)) * numpy.linspace(0, 1, samples)[:, None]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 22_050, 8_000])
@pytest.mark.parametrize("samples", [1, 63, 64, 65, 100_000, 64 * MOST_PAIRS, 64 * MOST_PAIRS + 1, 1_000_003])
def test_each_pair_is_of_its_piece(samples: int, rate: int, channels: int) -> None:
    sound = noise(samples, channels)
    found = gathered(sound, rate, BLOCK_FRAMES * mp3.kind_of(rate, channels).samples)
    pieces = [sound[start : start + found.step] for start in range(0, samples, found.step)]
    expected = [round(float(numpy.float32(value)) * 128) for each in pieces for value in (each.min(), each.max())]
    data = found.as_audiowaveform()["data"]
    assert data == [min(value, 127) for value in expected]
    assert len(pieces) <= MOST_PAIRS
    assert found.step == STEP_SAMPLES or len(pieces) > MOST_PAIRS // 2


def test_a_long_sound_has_no_more_pairs() -> None:
    """Half a day, of which only the last second sounds."""
    rate, peaks = 8_000, Peaks(8_000, 1)
    block = memoryview(bytes(4 * BLOCK_FRAMES * 576))
    for _ in range(12 * 3600 * rate // (BLOCK_FRAMES * 576)):
        peaks.take(block)
    peaks.take(memoryview(numpy.full(rate, -0.5, "<f4").tobytes()))
    data = peaks.waveform().as_audiowaveform()["data"]
    assert MOST_PAIRS < len(data) <= 2 * MOST_PAIRS
    assert (set(data[:-2]), data[-2:]) == ({0}, [-64, 0])


def test_what_is_beyond_full_scale_is_at_full_scale() -> None:
    sound = numpy.array([[-3.0], [1.0], [numpy.inf]])
    assert gathered(sound, 8_000, 64).as_audiowaveform()["data"] == [-128, 127]


def test_no_sound_has_no_pairs() -> None:
    peaks = Peaks(44_100, 2)
    peaks.take(memoryview(b""))
    assert peaks.waveform() == Waveform(44_100, STEP_SAMPLES, b"")


def test_what_is_no_number_does_not_stop_the_conversion() -> None:
    """LAME refuses it, and says so."""
    peaks = Peaks(8_000, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        peaks.take(memoryview(numpy.array([0.5, numpy.nan, -0.5], "<f4").tobytes()))

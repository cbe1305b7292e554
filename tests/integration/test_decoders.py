"""Independent decoders hear the same, to the last bit, before and after frames are laid out with a bit reservoir."""

from __future__ import annotations

import importlib
import io
import platform
import subprocess
import tempfile
from array import array
from collections.abc import Callable
from typing import Any

import imageio_ffmpeg
import numpy
import pytest

from functions.convert import mp3
from functions.convert.lame import Settings
from tests.integration.test_encoders import by_ffmpeg, laid_out, noise

SECONDS = 3


def ffmpeg(content: bytes) -> numpy.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".mp3") as file:
        file.write(content)
        file.flush()
        words = ["-v", "warning", "-xerror", "-i", file.name, "-f", "f32le", "pipe:1"]
        decoded = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *words], capture_output=True, check=True, timeout=60)
    assert not decoded.stderr
    return numpy.frombuffer(decoded.stdout, "<f4")


def mpg123(content: bytes) -> numpy.ndarray:
    soundfile: Any = importlib.import_module("soundfile")
    samples, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    flat: numpy.ndarray = samples.reshape(-1)
    return flat


def minimp3(content: bytes) -> numpy.ndarray:
    miniaudio: Any = importlib.import_module("miniaudio")
    about = miniaudio.mp3_get_info(content)
    form = miniaudio.SampleFormat.FLOAT32
    decoded = miniaudio.decode(content, form, about.nchannels, about.sample_rate)
    return numpy.frombuffer(decoded.samples, "<f4")


def file_of(frames: bytes, samples: int) -> bytes:
    """Return an MP3 file: without an Info frame, decoders guess the length of VBR."""
    splitter = mp3.Splitter()
    sizes = array("I", map(len, splitter.split(frames)))
    assert splitter.kind
    stream = mp3.Stream(splitter.kind, None)
    stream.add(frames, sizes)
    padding = len(sizes) * splitter.kind.samples - samples - mp3.ENCODER_DELAY
    return stream.info_frame(mp3.Gaps(mp3.ENCODER_DELAY, padding)) + frames


DECODERS: dict[str, Callable[[bytes], numpy.ndarray]] = {"ffmpeg": ffmpeg, "mpg123": mpg123}
if platform.machine() == "x86_64":  # there are no wheels of miniaudio for others
    DECODERS["minimp3"] = minimp3


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("quality", [0, 2, 9])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (24_000, 2), (8_000, 1)])
def test_the_sound_is_the_same(rate: int, channels: int, quality: int, decoder: str) -> None:
    frames = by_ffmpeg(noise(rate, channels, SECONDS * rate), rate, channels, Settings(None, quality, 3))
    smaller = laid_out(frames)
    assert len(smaller) < len(frames)
    expected, heard = (DECODERS[decoder](file_of(each, SECONDS * rate)) for each in (frames, smaller))
    assert abs(len(heard) / channels / rate - SECONDS) < 0.2
    assert numpy.abs(heard).max() > 0.5
    assert numpy.array_equal(heard, expected)


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (24_000, 2), (8_000, 1)])
def test_all_decoders_agree(rate: int, channels: int) -> None:
    """They only round differently, and drop more or less of the encoder's delay."""
    frames = by_ffmpeg(noise(rate, channels, SECONDS * rate), rate, channels, Settings(None, 2, 3))
    content = file_of(laid_out(frames), SECONDS * rate)
    first, *others = (decoder(content) for decoder in DECODERS.values())
    middle = first[rate * channels : 2 * rate * channels]
    for other in others:
        delay = offset(first, other, channels, rate)
        again = other[rate * channels + delay : 2 * rate * channels + delay]
        assert numpy.abs(again - middle).max() < 1e-3


def offset(first: numpy.ndarray, other: numpy.ndarray, channels: int, rate: int) -> int:
    """Return how many samples later the other sound is."""
    start, length = rate * channels, 4096 * channels
    piece = first[start : start + length]
    most = 2500 * channels
    window = other[start - most : start + length + most]
    matches = numpy.correlate(window, piece, "valid")
    return int(matches.argmax()) - most

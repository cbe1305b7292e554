"""Checks that an MP3 contains a tone over its whole length, loud enough and as long as its source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy

SAMPLE_RATE = 44_100
WINDOW_SECONDS = 0.25
WINDOWS = 8
# Encoders add up to two frames at either end (1,152 samples each), and codecs shift the sound by as much.
DURATION_TOLERANCE_SECONDS = 0.15
HERTZ_TOLERANCE = 6.0
MIN_LOUDNESS = 0.02
MIN_SHARE_OF_TONE = 0.8
TIMEOUT_SECONDS = 60


def assert_tone(mp3: bytes | Path, hertz: float, seconds: float) -> None:
    """Fail unless the MP3 decodes to only this tone over its whole, correct length."""
    samples = decode_mp3(mp3)
    length = len(samples) / SAMPLE_RATE
    assert abs(length - seconds) <= DURATION_TOLERANCE_SECONDS, f"lasts {length:.3f} s, expected {seconds} s"
    for start in _window_starts(len(samples)):
        _assert_window(samples[start : start + _window_length()], hertz, start / SAMPLE_RATE)


def decode_mp3(mp3: bytes | Path) -> numpy.ndarray:
    """Decode to mono samples between -1 and 1; fail if it is not an MP3 or has errors."""
    content = mp3.read_bytes() if isinstance(mp3, Path) else mp3
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-hide_banner",
        "-xerror",
        "-i",
        "pipe:0",
        "-map",
        "0:a:0",
        "-ac",
        "1",
        "-ar",
        str(SAMPLE_RATE),
        "-f",
        "f32le",
        "pipe:1",
    ]
    decoded = subprocess.run(command, input=content, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    report = decoded.stderr.decode(errors="replace")
    assert "Input #0, mp3" in report, f"is not an MP3: {report}"
    assert decoded.returncode == 0, f"does not decode: {report}"
    return numpy.frombuffer(decoded.stdout, dtype="<f4")


def _window_length() -> int:
    return int(WINDOW_SECONDS * SAMPLE_RATE)


def _window_starts(total: int) -> list[int]:
    margin = SAMPLE_RATE // 10
    return [int(start) for start in numpy.linspace(margin, total - margin - _window_length(), WINDOWS)]


def _assert_window(window: numpy.ndarray, hertz: float, at: float) -> None:
    loudness = float(numpy.sqrt(numpy.mean(window**2)))
    assert loudness >= MIN_LOUDNESS, f"silent at {at:.2f} s (loudness {loudness:.4f})"
    power = numpy.abs(numpy.fft.rfft(window * numpy.hanning(len(window)))) ** 2
    frequencies = numpy.fft.rfftfreq(len(window), 1 / SAMPLE_RATE)
    loudest = float(frequencies[int(numpy.argmax(power))])
    assert abs(loudest - hertz) <= HERTZ_TOLERANCE, f"{loudest:.0f} Hz at {at:.2f} s, expected {hertz:g} Hz"
    near = numpy.abs(frequencies - hertz) <= 4 / WINDOW_SECONDS
    share = float(power[near].sum() / power.sum())
    assert share >= MIN_SHARE_OF_TONE, f"only {share:.0%} of the sound at {at:.2f} s is {hertz:g} Hz"

"""What it costs to do without the bit reservoir, in decibels between the sound and what its MP3 gives back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy

from tests.bench import engine_run, peers, program
from tests.bench.comparison import print_table
from tests.bench.targets import Target
from tests.bench.ways import KILOBITS
from tests.media import music
from tests.media.movies import movie

SECONDS = 60
TIMEOUT_SECONDS = 60
LEAST_DECIBELS = 6.0
NEIGHBOURS = 3


def measure(folder: Path) -> list[Target]:
    """Encode a minute with and without the reservoir, and with our engine; print how true each is to the film."""
    film, target = movie(folder, SECONDS), folder / "quality.mp3"
    ways = {
        "plain ffmpeg, bit reservoir on": peers.ffmpeg_command(film, target, KILOBITS, "-reservoir", "1"),
        "plain ffmpeg, bit reservoir off": peers.ffmpeg_command(film, target, KILOBITS, "-reservoir", "0"),
        "ours": engine_run.command(film, target, bitrate=KILOBITS),
    }
    sound, ratios = samples(film), {}
    for name, command in ways.items():
        program.run(command)
        ratios[name] = signal_to_noise(sound, samples(target))
        target.unlink()
    first = next(iter(ratios.values()))
    rows = [(name, f"{ratio:.2f}", f"{ratio - first:+.2f}") for name, ratio in ratios.items()]
    print_table((f"true to the source, {KILOBITS} kbit/s", "SNR dB", "difference dB"), rows)
    return []


def samples(path: Path) -> numpy.ndarray:
    """Decode a file's sound to interleaved stereo samples."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a:0"]
    command += ["-ac", str(music.CHANNELS), "-ar", str(music.SAMPLE_RATE), "-f", "f32le", "pipe:1"]
    decoded = subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_SECONDS).stdout
    return numpy.frombuffer(decoded, "<f4").astype(numpy.float64)


def signal_to_noise(sound: numpy.ndarray, heard: numpy.ndarray) -> float:
    """Return the ratio in decibels; fail when the two do not lie side by side to the sample."""
    by_shift = {
        shift: _ratio(sound, numpy.roll(heard, shift * music.CHANNELS)) for shift in range(-NEIGHBOURS, NEIGHBOURS + 1)
    }
    best = max(by_shift, key=lambda shift: by_shift[shift])
    assert best == 0, f"shifted by {best} samples: {by_shift}"
    assert by_shift[0] >= LEAST_DECIBELS, f"not the same sound: {by_shift}"
    return by_shift[0]


def _ratio(sound: numpy.ndarray, heard: numpy.ndarray) -> float:
    length = min(len(sound), len(heard))
    noise = sound[:length] - heard[:length]
    return float(10 * numpy.log10(numpy.sum(sound[:length] ** 2) / numpy.sum(noise**2)))

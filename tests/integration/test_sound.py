"""The sound that the encoders hear: what plain ffmpeg would give them, cut to the sample, and changed as asked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest

from functions.common.errors import Failure, Kind
from functions.common.options import Options
from functions.convert import sound
from functions.convert.cage import Cage
from functions.convert.probe import Track
from tests.media.pcm import Samples, made_of, mp3_of, plain_mp3
from tests.media.samples import made, pictures

RATE = 44_100
SECONDS = 10
# No two of them are as far apart as two others, so that a cut shows where it was made.
CLICKS = numpy.cumsum(numpy.arange(1000, 30_000, 1777))
STEP_16_BITS = 2**-15
ODD_FILES = [
    "file-type__fixture-mjpeg.mov", "file-type__fixture-realmedia-video.rm", "file-type__fixture.asf",
    "file-type__fixture.avi", "media__bbb_2500ms.ts", "media__bbb_mono_8kHz_12.2kbps_amrnb.3gp",
    "media__opus-5.1.mka", "media__sample_alac.mp4", "media__sample_dthd.mp4", "moviepy__chaplin.mp4",
    "mux.js__sintel-captions.ts", "rails__video.webm",
]  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """What came out: the rate in Hz, and the samples, one column for each channel."""

    rate: int
    samples: Samples


@pytest.fixture
def cage(tmp_path: Path) -> Iterator[Cage]:
    folder = tmp_path / "cage"
    folder.mkdir()
    with Cage(folder, time.monotonic() + 120, lambda: None) as cage:
        yield cage


def hear(path: Path, cage: Cage, stream: int = 0, **options: Any) -> Heard:
    """Decode a track to its end."""
    started = sound.start(path, Track(stream, 1), Options(**options), cage)
    data = bytearray(started.head)
    while block := os.read(started.stdout.fileno(), 2**20):
        data += block
    started.ended(cage)
    return Heard(started.rate, numpy.frombuffer(bytes(data), "<f4").reshape(-1, started.channels))


def refusal(path: Path, cage: Cage, stream: int = 0, **options: Any) -> Kind:
    """Return why a track gives no sound."""
    with pytest.raises(Failure) as failure:
        hear(path, cage, stream, **options)
    return failure.value.kind


def noise(rate: int = RATE, channels: int = 2, seconds: float = 0.5, seed: int = 3) -> Samples:
    random = numpy.random.default_rng(seed)
    return random.uniform(-0.4, 0.4, (int(rate * seconds), channels)).astype("f4")


def click_track() -> Samples:
    """Return ten seconds of clicks at known samples, of 16 bits."""
    samples = numpy.zeros((SECONDS * RATE, 2), "f4")
    samples[CLICKS] = 0.75
    return samples


def clicks_in(samples: Samples) -> list[int]:
    """Return where the clicks are."""
    loud = numpy.flatnonzero(numpy.abs(samples).max(axis=1) > 0.3)
    groups = numpy.split(loud, numpy.flatnonzero(numpy.diff(loud) > 500) + 1)
    return [int(group[numpy.abs(samples[group]).max(axis=1).argmax()]) for group in groups if len(group)]


# What the encoders hear


@pytest.mark.parametrize(
    ("rate", "layout", "codec", "expected"),
    [
        (44_100, "stereo", "pcm_s16le", (44_100, 2)),
        (44_100, "mono", "pcm_u8", (44_100, 1)),
        (48_000, "5.1", "pcm_s16le", (48_000, 2)),
        (48_000, "5.1", "pcm_f32le", (48_000, 2)),
        (44_100, "7.1", "pcm_s24le", (44_100, 2)),
        (96_000, "stereo", "pcm_s24le", (48_000, 2)),
        (96_000, "5.1", "pcm_f32le", (48_000, 2)),
        (88_200, "stereo", "pcm_f32le", (48_000, 2)),
        (64_000, "mono", "pcm_s32le", (48_000, 1)),
        (192_000, "stereo", "pcm_f64le", (48_000, 2)),
        (37_800, "stereo", "pcm_f32le", (32_000, 2)),
        (22_050, "stereo", "pcm_s16le", (22_050, 2)),
        (11_025, "mono", "pcm_s16le", (11_025, 1)),
        (7_350, "mono", "pcm_f32le", (8_000, 1)),
    ],
)
def test_it_is_what_plain_ffmpeg_gives_to_lame(
    rate: int, layout: str, codec: str, expected: tuple[int, int], cage: Cage, tmp_path: Path
) -> None:
    """Rate, channels and each sample: the MP3 that one encoder makes of it is plain ffmpeg's, byte for byte."""
    wanted = ["-channel_layout", layout, "-c:a", codec]
    channels = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}[layout]
    path = made_of(noise(rate, channels), rate, tmp_path / "in.wav", *wanted)
    heard = hear(path, cage)
    assert (heard.rate, heard.samples.shape[1]) == expected
    assert mp3_of(heard.samples, heard.rate) == plain_mp3(path)


@pytest.mark.parametrize("name", ODD_FILES)
def test_real_files_sound_as_plain_ffmpeg_has_them(name: str, cage: Cage, shared: Path) -> None:
    path = shared / "corpus" / name
    stream = 0 if name.endswith((".asf", ".3gp", ".mka", "alac.mp4", "dthd.mp4")) else 1
    heard = hear(path, cage, stream)
    assert mp3_of(heard.samples, heard.rate) == plain_mp3(path)


def test_16_bits_at_another_rate_are_resampled_finer(cage: Cage, tmp_path: Path) -> None:
    """Plain ffmpeg would stay at 16 bits, so that this one differs from it, by a step or two."""
    path = made_of(noise(96_000), 96_000, tmp_path / "in.wav", "-c:a", "pcm_s16le")
    heard = hear(path, cage)
    rough = tmp_path / "rough.wav"
    made(rough, "-i", str(path), "-af", "aformat=sample_fmts=s16p:sample_rates=48000", "-c:a", "pcm_s16le")
    assert numpy.abs(heard.samples - hear(rough, cage).samples).max() < 3 * STEP_16_BITS


@pytest.mark.parametrize("samplerate", [8000, 32_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_rate_and_channels_as_asked(samplerate: int, channels: int, cage: Cage, tmp_path: Path) -> None:
    path = made_of(noise(channels=6), RATE, tmp_path / "in.wav", "-channel_layout", "5.1", "-c:a", "pcm_f32le")
    heard = hear(path, cage, samplerate=samplerate, channels=channels)
    assert (heard.rate, heard.samples.shape[1]) == (samplerate, channels)
    assert mp3_of(heard.samples, samplerate) == plain_mp3(path, "-ar", str(samplerate), "-ac", str(channels))


def test_the_track_that_was_chosen(cage: Cage, tmp_path: Path) -> None:
    one, two = noise(seed=1), noise(seed=2)
    made_of(one, RATE, tmp_path / "1.wav", "-c:a", "pcm_f32le")
    made_of(two, RATE, tmp_path / "2.wav", "-c:a", "pcm_f32le")
    both = ["-i", str(tmp_path / "1.wav"), "-i", str(tmp_path / "2.wav"), "-map", "0", "-map", "1", "-c", "copy"]
    path = made(tmp_path / "in.mkv", *both)
    assert (hear(path, cage, 0).samples == one).all()
    assert (hear(path, cage, 1).samples == two).all()


# Cutting


@pytest.fixture(scope="session")
def click_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The click track in several containers and codecs, made when first asked for."""
    folder = tmp_path_factory.mktemp("clicks")
    samples = click_track()

    def path(name: str) -> Path:
        target = folder / name
        if not target.exists():
            wav = made_of(samples, RATE, folder / "clicks.wav", "-c:a", "pcm_s16le")
            late = ["-itsoffset", "2.3"] if name.startswith("late") else []
            codec = "flac" if name.startswith("late") else {".mp4": "aac", ".mkv": "aac", ".ts": "aac"}[target.suffix]
            video = [*pictures(SECONDS), *late, "-i", str(wav), "-c:v", "mpeg4", "-c:a", codec]
            made(target, *(video if target.suffix in (".mp4", ".mkv", ".ts") else ["-i", str(wav)]))
        return target

    return path

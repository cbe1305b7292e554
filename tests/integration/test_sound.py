"""The sound for the encoders: the same as plain ffmpeg's, cut to the sample, and changed by the options."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy
import pytest

from functions.common import errors
from functions.common.errors import Failure, Kind
from functions.common.options import Options
from functions.convert import probe, sound
from functions.convert.cage import Cage
from functions.convert.chain import Chain
from functions.convert.probe import Track
from functions.convert.selection import alone
from functions.convert.watch import Watch
from tests.clients import processes
from tests.clients.waiting import until_gone
from tests.integration.sound_samples import samples_of
from tests.media.pcm import Samples, made_of, mp3_of, plain_mp3
from tests.media.samples import made, pictures

RATE = 44_100
SECONDS = 10
# All distances between clicks differ, so that a cut shows where it was made.
CLICKS = numpy.cumsum(numpy.arange(1000, 30_000, 1777))
STEP_16_BITS = 2**-15
HALF_POWER = 0.5**0.5


@dataclass(frozen=True)
class Decoded:
    """The decoded sound: its rate in Hz, and the samples, one column for each channel."""

    rate: int
    samples: Samples


def hear(path: Path, cage: Cage, stream: int = 0, **options: Any) -> Decoded:
    """Decode a track to its end."""
    started = sound.start(path, alone(track(path, cage, stream)), Options(**options), cage)
    return Decoded(started.rate, samples_of(started))


def track(path: Path, cage: Cage, stream: int) -> Track:
    """Return a track as the file declares it, if it does."""
    found = [each for each in probe.look(path, cage).tracks if each.stream == stream]
    return found[0] if found else Track(stream, 1)


def refusal(path: Path, cage: Cage, stream: int = 0, **options: Any) -> Kind:
    """Return why a track cannot be decoded."""
    with pytest.raises(Failure) as failure:
        hear(path, cage, stream, **options)
    return failure.value.kind


def noise(rate: int = RATE, channels: int = 2, seconds: float = 0.5, seed: int = 3) -> Samples:
    random = numpy.random.default_rng(seed)
    return random.uniform(-0.4, 0.4, (int(rate * seconds), channels)).astype("f4")


def click_track() -> Samples:
    """Return ten seconds of clicks at known samples, in 16 bits."""
    samples = numpy.zeros((SECONDS * RATE, 2), "f4")
    samples[CLICKS] = 0.75
    return samples


def clicks_in(samples: Samples) -> list[int]:
    """Return the positions of the clicks."""
    loud = numpy.flatnonzero(numpy.abs(samples).max(axis=1) > 0.3)
    groups = numpy.split(loud, numpy.flatnonzero(numpy.diff(loud) > 500) + 1)
    return [int(group[numpy.abs(samples[group]).max(axis=1).argmax()]) for group in groups if len(group)]


# Decoding


@pytest.mark.parametrize(
    ("rate", "layout", "codec", "expected"),
    [
        (44_100, "stereo", "pcm_s16le", (44_100, 2)),
        (44_100, "mono", "pcm_u8", (44_100, 1)),
        (96_000, "stereo", "pcm_s24le", (48_000, 2)),
        (88_200, "stereo", "pcm_f32le", (48_000, 2)),
        (64_000, "mono", "pcm_s32le", (48_000, 1)),
        (192_000, "stereo", "pcm_f64le", (48_000, 2)),
        (46_050, "stereo", "pcm_f32le", (44_100, 2)),
        (37_800, "stereo", "pcm_f32le", (32_000, 2)),
        (22_050, "stereo", "pcm_s16le", (22_050, 2)),
        (11_025, "mono", "pcm_s16le", (11_025, 1)),
        (7_350, "mono", "pcm_f32le", (8_000, 1)),
    ],
)
def test_the_sound_equals_what_plain_ffmpeg_passes_to_lame(
    rate: int, layout: str, codec: str, expected: tuple[int, int], cage: Cage, tmp_path: Path
) -> None:
    """Rate, channels and samples: the MP3 that one encoder makes equals plain ffmpeg's, byte for byte."""
    wanted = ["-channel_layout", layout, "-c:a", codec]
    channels = {"mono": 1, "stereo": 2}[layout]
    path = made_of(noise(rate, channels), rate, tmp_path / "in.wav", *wanted)
    heard = hear(path, cage)
    assert (heard.rate, heard.samples.shape[1]) == expected
    assert mp3_of(heard.samples, heard.rate) == plain_mp3(path)


# The left side of a stereo mix by BS.775: the share of each channel of a layout, before they are made to add up to 1.
LEFT: dict[str, list[float]] = {
    "3.0": [1, 0, HALF_POWER],
    "2.1": [1, 0, 0],
    "quad": [1, 0, HALF_POWER, 0],
    "5.0": [1, 0, HALF_POWER, HALF_POWER, 0],
    "5.1": [1, 0, HALF_POWER, 0, HALF_POWER, 0],
    "5.1(side)": [1, 0, HALF_POWER, 0, HALF_POWER, 0],
    "6.1": [1, 0, HALF_POWER, 0, 0.5, HALF_POWER, 0],
    "7.1": [1, 0, HALF_POWER, 0, HALF_POWER, 0, HALF_POWER, 0],
}
# The channels of a pair are next to each other; left and right come first.
PAIRS = {"5.1": [4], "5.1(side)": [4], "quad": [2], "5.0": [3], "6.1": [5], "7.1": [4, 6]}


def shares(layout: str, channels: int) -> Samples:
    """Return what each channel adds to those of a mix, a column for each of these."""
    left = numpy.array(LEFT[layout])
    order = list(range(len(left)))
    for first in (0, *PAIRS.get(layout, [])):
        order[first], order[first + 1] = first + 1, first
    right = left[order]
    both = numpy.stack([left, right], 1) if channels == 2 else (left + right)[:, None]
    mixed: Samples = both / both.sum(axis=0)
    return mixed


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_f32le"])
@pytest.mark.parametrize("layout", LEFT)
def test_channels_are_mixed_alike_whatever_the_codec(
    layout: str, codec: str, channels: int, cage: Cage, tmp_path: Path
) -> None:
    """By ITU-R BS.775, normalised so that nothing clips."""
    original = noise(48_000, len(LEFT[layout]))
    path = made_of(original, 48_000, tmp_path / "in.wav", "-c:a", codec, layout=layout)
    heard = hear(path, cage, channels=channels)
    assert numpy.abs(heard.samples - original @ shares(layout, channels)).max() < STEP_16_BITS


@pytest.mark.parametrize(
    "codec", ["pcm_s16le", "pcm_f32le", "aac", "libopus", "flac", "libvorbis", "ac3", "libmp3lame"]
)
@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_one_and_two_channels_keep_their_level(before: int, after: int, codec: str, cage: Cage, tmp_path: Path) -> None:
    """A sine of 0.9 stays one, with every codec."""
    sine = 0.9 * numpy.sin(2 * numpy.pi * 440 / 48_000 * numpy.arange(48_000))
    both = numpy.repeat(sine[:, None], before, 1).astype("f4")
    path = made_of(both, 48_000, tmp_path / "in.mkv", "-c:a", codec, "-b:a", "192k")
    heard = hear(path, cage, channels=after)
    assert heard.samples.shape[1] == after
    assert numpy.abs(numpy.abs(heard.samples[4800:-4800]).max(axis=0) - 0.9).max() < 0.04


CENTRES = {
    "flac": ("5.1(side)", []),
    "pcm_s24le": ("5.1", []),
    "pcm_f32le": ("5.1", []),
    "ac3": ("5.1(side)", []),
    "eac3": ("5.1(side)", []),
    "aac": ("5.1", []),
    "libopus": ("5.1", ["-mapping_family:a", "1"]),
    "dca": ("5.1(side)", ["-strict", "-2"]),
}


@pytest.mark.parametrize("channels", [1, 2])
def test_the_centre_is_as_loud_from_every_codec(channels: int, cage: Cage, tmp_path: Path) -> None:
    centre = numpy.zeros((48_000, 6), "f4")
    centre[:, 2] = 0.5 * numpy.sin(2 * numpy.pi * 440 / 48_000 * numpy.arange(48_000))
    expected = 0.5 * shares("5.1", channels)[2]
    for codec, (layout, words) in CENTRES.items():
        path = made_of(centre, 48_000, tmp_path / f"{codec}.mkv", "-c:a", codec, *words, layout=layout)
        heard = numpy.abs(hear(path, cage, channels=channels).samples[4800:-4800]).max(axis=0)
        assert numpy.abs(heard / expected - 1).max() < 0.05, codec


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "aac"),
        ("mp4", "alac"),
        ("mkv", "ac3"),
        ("mkv", "eac3"),
        ("mkv", "flac"),
        ("mkv", "truehd"),
        ("webm", "libopus"),
        ("ogg", "libvorbis"),
        ("ts", "mp2"),
        ("avi", "adpcm_ms"),
        ("avi", "libmp3lame"),
        ("asf", "wmav2"),
        ("flv", "adpcm_swf"),
        ("mov", "pcm_u8"),
        ("rm", "real_144"),
    ],
)
def test_each_codec_sounds_like_plain_ffmpeg(suffix: str, codec: str, cage: Cage, tmp_path: Path) -> None:
    channels, rate = (1, 8_000) if codec == "real_144" else (2, RATE)
    path = made_of(noise(rate, channels, 1.0), rate, tmp_path / f"in.{suffix}", "-c:a", codec, "-strict", "-2")
    heard = hear(path, cage)
    assert mp3_of(heard.samples, heard.rate) == plain_mp3(path)


def test_16_bits_at_another_rate_are_resampled_with_more_precision(cage: Cage, tmp_path: Path) -> None:
    """Plain ffmpeg keeps 16 bits, so the samples differ from it by a step or two."""
    path = made_of(noise(96_000), 96_000, tmp_path / "in.wav", "-c:a", "pcm_s16le")
    heard = hear(path, cage)
    rough = tmp_path / "rough.wav"
    made(rough, "-i", str(path), "-af", "aformat=sample_fmts=s16p:sample_rates=48000", "-c:a", "pcm_s16le")
    assert numpy.abs(heard.samples - hear(rough, cage).samples).max() < 3 * STEP_16_BITS


@pytest.mark.parametrize("samplerate", [8000, 32_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_rate_and_channels_options(samplerate: int, channels: int, cage: Cage, tmp_path: Path) -> None:
    path = made_of(noise(channels=channels), RATE, tmp_path / "in.wav", "-c:a", "pcm_f32le")
    heard = hear(path, cage, samplerate=samplerate, channels=channels)
    assert (heard.rate, heard.samples.shape[1]) == (samplerate, channels)
    assert mp3_of(heard.samples, samplerate) == plain_mp3(path, "-ar", str(samplerate), "-ac", str(channels))


def test_the_chosen_track(cage: Cage, tmp_path: Path) -> None:
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
    """The click track in several containers and codecs, created when first needed."""
    folder = tmp_path_factory.mktemp("clicks")
    samples = click_track()

    def path(name: str) -> Path:
        target = folder / name
        if not target.exists():
            wav = made_of(samples, RATE, folder / "clicks.wav", "-c:a", "pcm_s16le")
            late = ["-itsoffset", "2.3"] if name.startswith("late") else []
            codec = ["-c:v", "mpeg4", "-c:a", "flac" if late else "aac"]
            video = [*pictures(SECONDS), *late, "-i", str(wav), *codec]
            made(target, *(video if _sound_in(name) else ["-i", str(wav)]))
        return target

    return path


@pytest.fixture(scope="session")
def whole(click_files: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Samples]:
    """All samples of such a file, decoded when first needed."""

    @cache
    def samples(name: str) -> Samples:
        with Cage(tmp_path_factory.mktemp("cage"), Watch(time.monotonic() + 60)) as cage:
            return hear(click_files(name), cage, _sound_in(name)).samples

    return samples


@pytest.mark.parametrize(
    ("name", "shift"),
    [("a.wav", 0), ("a.flac", 0), ("a.mp4", 0), ("a.mkv", 0), ("a.mp3", 0), ("a.ts", 1024), ("late.mkv", 0)],
)
def test_a_whole_track_keeps_its_clicks_in_place(name: str, shift: int, whole: Callable[[str], Samples]) -> None:
    """The encoder's delay is removed if the container declares it; MPEG-TS does not, and ffmpeg keeps it."""
    clicks = clicks_in(whole(name))
    assert numpy.abs(numpy.array(clicks) - CLICKS - shift).max() <= (0 if name.endswith((".wav", ".flac")) else 2)


@pytest.mark.parametrize(
    ("start", "end"), [(3.25, None), (None, 3.25), (1.1234, 7.654321), (2.5, 100.0), (0.0, None), (4.0, 4.00003)]
)
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp4", "a.mkv", "a.mp3", "a.ts", "late.mkv"])
def test_a_cut_is_exact_to_the_sample(
    name: str,
    start: float | None,
    end: float | None,
    click_files: Callable[[str], Path],
    whole: Callable[[str], Samples],
    cage: Cage,
) -> None:
    """The result is exactly that part of the whole sound, by the player's time."""
    samples = whole(name)
    cut = hear(click_files(name), cage, _sound_in(name), start=start, end=end).samples
    begins = round(2.3 * RATE) if name.startswith("late") else 0
    first = max(0, round((start or 0.0) * RATE) - begins)
    after = min(len(samples), (round(end * RATE) if end else 2**40) - begins)
    if name.endswith(".ts"):  # its time stamps have 90 kHz
        assert abs(len(cut) - (after - first)) <= 1
        first = next(first + by for by in (0, -1, 1) if (samples[max(0, first + by) :][: len(cut)] == cut).all())
        after = first + len(cut)
    assert len(cut) == after - first
    assert (cut == samples[first:after]).all()


def test_a_cut_is_exact_at_the_output_rate(cage: Cage, tmp_path: Path) -> None:
    path = made_of(noise(96_000, seconds=3), 96_000, tmp_path / "in.wav", "-c:a", "pcm_f32le")
    whole = hear(path, cage).samples
    cut = hear(path, cage, start=1.00001, end=2.5).samples
    assert (cut == whole[48_000:120_000]).all()


@pytest.mark.parametrize("options", [{"start": 11.0}, {"start": 10.0}, {"start": 11.0, "end": 12.0, "speed": 2.0}])
def test_a_start_beyond_the_end(options: dict[str, Any], click_files: Callable[[str], Path], cage: Cage) -> None:
    assert refusal(click_files("a.wav"), cage, **options) is errors.OUT_OF_RANGE
    assert refusal(click_files("a.mp4"), cage, 1, **options) is errors.OUT_OF_RANGE


def test_an_end_before_the_sound_starts(click_files: Callable[[str], Path], cage: Cage) -> None:
    assert refusal(click_files("late.mkv"), cage, 1, start=0.5, end=1.5) is errors.OUT_OF_RANGE


# Damage


@pytest.mark.parametrize("options", [{}, {"start": 1.0}, {"volume": 0.5}])
def test_no_sound_at_all_is_not_blamed_on_the_range(options: dict[str, float], cage: Cage, tmp_path: Path) -> None:
    data = bytearray(made_of(noise(seconds=2.0), RATE, tmp_path / "whole.mp4", "-c:a", "aac").read_bytes())
    begin = data.index(b"mdat") + 4
    size = int.from_bytes(data[begin - 8 : begin - 4], "big") - 8
    data[begin : begin + size] = b"\xff" * size
    path = tmp_path / "in.mp4"
    path.write_bytes(data)
    assert refusal(path, cage, 0, **options) is errors.UNDECODABLE


def test_a_missing_stream(click_files: Callable[[str], Path], cage: Cage) -> None:
    assert refusal(click_files("a.wav"), cage, 5) is errors.NO_AUDIO


def test_a_truncated_file_gives_what_it_has(
    click_files: Callable[[str], Path], whole: Callable[[str], Samples], cage: Cage, tmp_path: Path
) -> None:
    content = click_files("a.mkv").read_bytes()
    path = tmp_path / "half.mkv"
    path.write_bytes(content[: len(content) // 2])
    samples = hear(path, cage, 1).samples
    assert RATE < len(samples) < 9 * RATE
    assert (samples[: len(samples) // 2] == whole("a.mkv")[: len(samples) // 2]).all()


def test_mostly_errors_and_some_sound(cage: Cage, tmp_path: Path) -> None:
    """ffmpeg exits with an error if most packets are damaged; the sound of the others is kept."""
    path = made_of(noise(seconds=20), RATE, tmp_path / "in.mp4", "-c:a", "aac", "-movflags", "+faststart")
    data = bytearray(path.read_bytes())
    first = data.index(b"mdat") + 4
    kept = first + (len(data) - first) // 8
    data[kept:] = bytes(len(data) - kept)
    path.write_bytes(data)
    plain = subprocess.run(_null(path), capture_output=True, check=False)
    assert plain.returncode == 69
    assert len(hear(path, cage).samples) > RATE
    data[first:] = bytes(len(data) - first)
    path.write_bytes(data)
    assert refusal(path, cage) is errors.UNDECODABLE


@pytest.mark.parametrize(
    "stamps",
    [
        "ts=if(gt(N\\,100)\\,PTS+990000000\\,PTS)",
        "pts=if(mod(N\\,2)\\,PTS+5000\\,PTS):dts=DTS",
        "pts=0:dts=0",
        "ts=1000000-PTS",
        "ts=PTS*100000",
    ],
)
def test_hostile_time_stamps_lose_nothing(
    stamps: str, click_files: Callable[[str], Path], cage: Cage, tmp_path: Path
) -> None:
    path = made(
        tmp_path / "in.mkv", "-i", str(click_files("a.mkv")), "-map", "0:a", "-c", "copy", "-bsf:a", f"setts={stamps}"
    )
    samples = hear(path, cage).samples
    assert len(samples) < 11 * RATE
    assert numpy.abs(numpy.array(clicks_in(samples)) - CLICKS).max() <= 2


# Errors


def test_an_exception_while_waiting_leaves_nothing_running(click_files: Callable[[str], Path], tmp_path: Path) -> None:
    class LostLease(Exception):
        pass

    class FailingWatch(Watch):
        def check(self) -> None:
            raise LostLease

    with pytest.raises(LostLease), Cage(tmp_path, FailingWatch(time.monotonic() + 60)) as cage:
        sound.start(click_files("a.wav"), alone(Track(0, 1)), Options(volume=0.5, fade_out=1.0), cage)
    until_gone(lambda: processes.inside(tmp_path), "the programs", 5)


def test_no_time_left(click_files: Callable[[str], Path], tmp_path: Path) -> None:
    with Cage(tmp_path, Watch(time.monotonic())) as cage:
        assert refusal(click_files("a.wav"), cage) is errors.CONVERT_TIMED_OUT


def test_an_internal_fault_is_not_blamed_on_the_file(click_files: Callable[[str], Path], cage: Cage) -> None:
    """If its reader fails, the decoder fails too: the reader's error must be raised."""
    decoder = [*_null(click_files("a.wav"))[:-3], "-f", "f32le", "pipe:1"]
    chain = Chain(cage, decoder)
    chain.then([sys.executable, "-c", "import sys; sys.exit('internal error')"])
    assert not list(chain.blocks())
    with pytest.raises(RuntimeError, match="internal error"):
        chain.ended(sounded=False)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from functions.convert import effects, loudness, sound;"
        "sys.exit(bool({'numpy', 'moviepy', 'mutagen'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _sound_in(name: str) -> int:
    """Return the number of the sound stream, which comes after the pictures, if any."""
    return 1 if name.endswith((".mp4", ".mkv", ".ts")) else 0


def _null(path: Path) -> list[str]:
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "null", "-"]

"""Tracks: the main dialogue that sounds is heard, and the notes about it are true."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy
import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import Options
from functions.convert import engine
from functions.convert.limits import Limits
from functions.convert.watch import Watch
from tests.media.pcm import made_of
from tests.media.samples import made, pictures, tone
from tests.media.tone import assert_tone, decode_mp3


def convert(source: Path, folder: Path, **options: Any) -> tuple[engine.Made, Path]:
    """Convert a file; return what was made, and the MP3."""
    work = folder / "work"
    work.mkdir()
    source.rename(work / "in")
    watch = Watch(time.monotonic() + 60)
    done = engine.convert(
        work / "in", work / "out.mp3", Options(**options), watch, limits=Limits(36_000, 2**31), encoders=0
    )
    return done, work / "out.mp3"


def tracks(target: Path, *words: str, hertz: tuple[int, ...] = (400, 600, 800)) -> Path:
    """Create a file with a tone in each track."""
    given = [word for each in hertz for word in tone(2.0, each)]
    maps = [word for number in range(len(hertz)) for word in ("-map", str(number))]
    return made(target, *given, *maps, "-c:a", "aac", *words)


@pytest.mark.parametrize("aside", ["comment", "visual_impaired", "hearing_impaired"])
@pytest.mark.parametrize("default", ["", "default+"])
def test_the_main_dialogue_comes_first(default: str, aside: str, tmp_path: Path) -> None:
    words = ["-disposition:a:0", f"{default}{aside}", "-disposition:a:1", "0", "-disposition:a:2", "0"]
    _, mp3 = convert(tracks(tmp_path / "in.mkv", *words), tmp_path)
    assert_tone(mp3, 600, 2.0)


def test_the_main_dialogue_of_a_language(tmp_path: Path) -> None:
    languages = [
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=eng",
        "-metadata:s:a:2",
        "language=jpn",
    ]
    words = [*languages, "-disposition:a:0", "comment", "-disposition:a:1", "0", "-disposition:a:2", "default"]
    _, mp3 = convert(tracks(tmp_path / "in.mkv", *words), tmp_path, track="eng")
    assert_tone(mp3, 600, 2.0)


def test_commentary_is_heard_if_it_is_asked_for_or_alone(tmp_path: Path) -> None:
    words = ["-disposition:a:0", "comment", "-disposition:a:1", "0"]
    _, mp3 = convert(tracks(tmp_path / "in.mkv", *words, hertz=(400, 600)), tmp_path, track=1)
    assert_tone(mp3, 400, 2.0)


def undecodable(source: Path) -> None:
    """Give the first track an unknown codec."""
    content = source.read_bytes()
    source.write_bytes(content.replace(b"mp4a", b"xyza", 1).replace(b"esds", b"xyzs", 1))


def test_a_track_that_cannot_be_decoded_is_passed_over(tmp_path: Path) -> None:
    source = tracks(tmp_path / "in.mp4", "-disposition:a:0", "default", hertz=(400, 600))
    undecodable(source)
    _, mp3 = convert(source, tmp_path)
    assert_tone(mp3, 600, 2.0)


def test_nothing_of_a_track_that_is_passed_over_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = engine._Work.frames

    def failing(self: Any, file: Any, room: int) -> Any:
        if self.selection.tracks[0].number == 1:
            file.seek(room)
            file.write(bytes(10**6))
            raise Failure(errors.UNDECODABLE)
        return frames(self, file, room)

    monkeypatch.setattr(engine._Work, "frames", failing)
    _, mp3 = convert(tracks(tmp_path / "in.mp4", hertz=(400, 600)), tmp_path)
    assert mp3.stat().st_size < 10**5
    assert_tone(mp3, 600, 2.0)


def test_a_track_that_was_asked_for_is_not_passed_over(tmp_path: Path) -> None:
    source = tracks(tmp_path / "in.mp4", hertz=(400, 600))
    undecodable(source)
    with pytest.raises(Failure) as failure:
        convert(source, tmp_path, track=1)
    assert failure.value.kind is errors.UNDECODABLE


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        ("mp4", ["-c:v", "mpeg4", "-c:a", "aac"]),
        ("mkv", ["-c:v", "mpeg4", "-c:a", "flac"]),
        ("avi", ["-c:v", "mpeg4", "-c:a", "mp2"]),
        ("flv", ["-c:v", "flv", "-c:a", "aac"]),
        ("ts", ["-c:v", "mpeg2video", "-c:a", "mp2"]),
    ],
)
def test_pictures_may_last_longer(suffix: str, words: list[str], tmp_path: Path) -> None:
    done, _ = convert(made(tmp_path / f"in.{suffix}", *pictures(10), *tone(4), *words), tmp_path)
    assert (abs(done.duration - 4) < 0.1, done.notes) == (True, ())


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        ("mp4", ["-c:v", "mpeg4", "-c:a", "aac"]),
        ("mkv", ["-c:v", "mpeg4", "-c:a", "flac"]),
        ("ts", ["-c:v", "mpeg2video", "-c:a", "mp2"]),
        ("mpg", ["-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2"]),
        ("ogv", ["-c:v", "libtheora", "-c:a", "libvorbis"]),
    ],
)
def test_pictures_may_begin_later(suffix: str, words: list[str], tmp_path: Path) -> None:
    late = ["-itsoffset", "3", *pictures(10), *tone(10), "-map", "0", "-map", "1"]
    done, _ = convert(made(tmp_path / f"in.{suffix}", *late, *words), tmp_path)
    assert (abs(done.duration - 10) < 0.1, done.notes) == (True, ())


def test_a_jump_of_the_clock_declares_no_length(tmp_path: Path) -> None:
    """A transport stream has no declared length: it lasts from its first to its last time stamp."""
    words = [*pictures(4), *tone(4), "-c:v", "mpeg2video", "-c:a", "mp2"]
    parts = [made(tmp_path / f"{at}.ts", *words, "-output_ts_offset", str(at)).read_bytes() for at in (0, 77)]
    (tmp_path / "in.ts").write_bytes(b"".join(parts))
    done, _ = convert(tmp_path / "in.ts", tmp_path)
    assert (abs(done.duration - 8) < 0.2, done.notes) == (True, ())


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_half_a_file_is_noted(suffix: str, tmp_path: Path) -> None:
    words = ["-c:v", "mpeg4", "-c:a", "aac", *(["-movflags", "+faststart"] if suffix == "mp4" else [])]
    source = made(tmp_path / f"in.{suffix}", *pictures(20), *tone(20), *words)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    done, _ = convert(source, tmp_path)
    assert done.notes == ("truncated_source",)


@pytest.mark.parametrize(("suffix", "words"), [("webm", ["-c:a", "libopus"]), ("mkv", ["-c:a", "flac"])])
def test_joined_files_are_noted(suffix: str, words: list[str], tmp_path: Path) -> None:
    one = made(tmp_path / f"one.{suffix}", *tone(2), *words).read_bytes()
    source = tmp_path / f"in.{suffix}"
    source.write_bytes(one + one)
    done, _ = convert(source, tmp_path)
    assert done.notes == ("joined",)


@pytest.mark.parametrize(("suffix", "codec"), [("ogg", "libvorbis"), ("opus", "libopus")])
@pytest.mark.parametrize("options", [{}, {"volume": 0.9}])
@pytest.mark.parametrize(("channels", "seconds", "notes"), [(1, 4.0, ()), (2, 2.0, ("joined",))])
def test_chained_ogg_is_heard_up_to_other_channels(
    channels: int,
    seconds: float,
    notes: tuple[str, ...],
    options: dict[str, float],
    suffix: str,
    codec: str,
    tmp_path: Path,
) -> None:
    parts = [
        made(tmp_path / f"{number}.{suffix}", *tone(2), "-ac", str(count), "-c:a", codec).read_bytes()
        for number, count in enumerate((1, channels))
    ]
    (tmp_path / f"in.{suffix}").write_bytes(b"".join(parts))
    done, _ = convert(tmp_path / f"in.{suffix}", tmp_path, **options)
    assert done.duration == pytest.approx(seconds, abs=0.05)
    assert done.notes == notes


@pytest.mark.parametrize("options", [{}, {"volume": 1.1}, {"speed": 1.5}])
def test_sound_beyond_full_scale_is_limited(options: dict[str, float], tmp_path: Path) -> None:
    sine = 2 * numpy.sin(2 * numpy.pi * 440 / 44_100 * numpy.arange(88_200))
    source = made_of(sine[:, None].astype("f4"), 44_100, tmp_path / "in.wav", "-c:a", "pcm_f32le")
    done, mp3 = convert(source, tmp_path, **options)
    assert done.notes == ("limited",)
    assert 0.8 < numpy.abs(decode_mp3(mp3)).max() <= 1


@pytest.mark.parametrize("level", [-2.0, 1.0001])
@pytest.mark.parametrize("seconds", [0.01, 2.0])
def test_sound_that_is_always_beyond_full_scale_is_limited(level: float, seconds: float, tmp_path: Path) -> None:
    square = numpy.full((int(44_100 * seconds), 2), level, "f4")
    done, _ = convert(made_of(square, 44_100, tmp_path / "in.wav", "-c:a", "pcm_f32le"), tmp_path)
    assert done.notes == ("limited",)


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("at", [1, 44_100, 88_199])
def test_a_single_sample_beyond_full_scale_is_limited(at: int, channel: int, tmp_path: Path) -> None:
    quiet = numpy.full((88_200, 2), 0.1, "f4")
    quiet[at, channel] = -1.5
    done, _ = convert(made_of(quiet, 44_100, tmp_path / "in.wav", "-c:a", "pcm_f32le"), tmp_path)
    assert done.notes == ("limited",)


@pytest.mark.parametrize("options", [{}, {"volume": 1.0}, {"speed": 0.75}])
def test_other_sound_is_not_limited(options: dict[str, float], tmp_path: Path) -> None:
    sine = 0.999 * numpy.sin(2 * numpy.pi * 440 / 44_100 * numpy.arange(88_200))
    source = made_of(sine[:, None].astype("f4"), 44_100, tmp_path / "in.wav", "-c:a", "pcm_s16le")
    assert convert(source, tmp_path, **options)[0].notes == ()


def test_a_volume_beyond_full_scale_is_limited(tmp_path: Path) -> None:
    source = made(tmp_path / "in.wav", *tone(2.0))
    done, mp3 = convert(source, tmp_path, volume=10.0)
    assert done.notes == ("limited",)
    assert numpy.abs(decode_mp3(mp3)).max() <= 1


@pytest.mark.parametrize(
    ("suffix", "first", "second"),
    [
        ("ac3", ["-ac", "2", "-ar", "48000"], ["-ac", "6", "-ar", "48000"]),
        ("ac3", ["-ac", "6", "-ar", "48000"], ["-ac", "1", "-ar", "48000"]),
        ("ts", ["-c:a", "ac3", "-ac", "2", "-ar", "48000"], ["-c:a", "ac3", "-ac", "6", "-ar", "48000"]),
        ("aac", ["-ac", "2", "-ar", "48000"], ["-ac", "1", "-ar", "48000"]),
    ],
)
def test_no_sound_is_lost_where_a_track_changes_its_form(
    suffix: str, first: list[str], second: list[str], tmp_path: Path
) -> None:
    parts = [
        made(tmp_path / f"{number}.{suffix}", *tone(3.0, 400 * number), *words).read_bytes()
        for number, words in ((1, first), (2, second))
    ]
    source = tmp_path / f"in.{suffix}"
    source.write_bytes(b"".join(parts))
    lengths = []
    for number in (1, 2):
        (tmp_path / f"alone{number}").mkdir()
        done, _ = convert(tmp_path / f"{number}.{suffix}", tmp_path / f"alone{number}")
        lengths.append(done.duration)
    done, _ = convert(source, tmp_path)
    assert abs(done.duration - sum(lengths)) < 0.03


def test_a_piece_of_a_stream_says_what_is_missing(tmp_path: Path) -> None:
    words = ["-c:a", "aac", "-f", "dash", "-seg_duration", "1"]
    made(tmp_path / "in.mpd", *tone(3.0), *words)
    piece, beginning = (tmp_path / f"{name}-stream0{more}.m4s" for name, more in (("chunk", "-00002"), ("init", "")))
    whole = tmp_path / "whole"
    whole.write_bytes(beginning.read_bytes() + piece.read_bytes())
    with pytest.raises(Failure) as failure:
        convert(piece, tmp_path)
    assert failure.value.kind is errors.NO_INIT
    (tmp_path / "again").mkdir()
    convert(whole, tmp_path / "again")


def test_an_mp4_without_its_index_says_so(tmp_path: Path) -> None:
    source = made(tmp_path / "in.mp4", *tone(3.0), "-c:a", "aac")
    content = source.read_bytes()
    source.write_bytes(content[: content.rindex(b"moov") - 4])
    with pytest.raises(Failure) as failure:
        convert(source, tmp_path)
    assert failure.value.kind is errors.NO_INDEX

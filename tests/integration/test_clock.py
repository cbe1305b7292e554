"""The clock: the MP3 has each moment of the video where the video has it; holes are silence, and no sound is lost."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from functions.common.options import Options
from functions.convert import engine
from functions.convert.limits import Limits
from functions.convert.watch import Watch
from tests.media import samples
from tests.media.beeps import SECONDS, beeping, beeps, heard, without
from tests.media.samples import made, pictures

NEAR_SECONDS = 0.02
# Containers that store time stamps, with codecs that they may hold.
STAMPED = {
    "aac.mkv": ["-c:a", "aac"],
    "flac.mkv": ["-c:a", "flac"],
    "pcm.mkv": ["-c:a", "pcm_s16le"],
    "ac3.mkv": ["-c:a", "ac3"],
    "opus.webm": ["-c:a", "libopus"],
    "vorbis.webm": ["-c:a", "libvorbis"],
    "aac.mp4": ["-c:a", "aac"],
    "alac.mov": ["-c:a", "alac"],
    "aac.nut": ["-c:a", "aac"],
    "mp2.ts": ["-c:a", "mp2"],
    "ac3.ts": ["-c:a", "ac3"],
    "aac.flv": ["-c:a", "aac"],
}
UNSTAMPED = {
    "pcm.avi": ["-c:a", "pcm_s16le"],
    "mp2.avi": ["-c:a", "mp2"],
    "flac.flac": [],
    "aac.aac": [],
    "ac3.ac3": [],
    "pcm.wav": [],
}


def converted(source: Path, folder: Path, **options: Any) -> tuple[engine.Made, list[float]]:
    """Convert a file; return what was made, and when beeps begin in it."""
    work = folder / "work"
    work.mkdir()
    source.rename(work / "in")
    target = work / "out.mp3"
    watch = Watch(time.monotonic() + 60)
    done = engine.convert(work / "in", target, Options(**options), watch, limits=Limits(36_000, 2**31), encoders=0)
    return done, heard(target)


def assert_near(found: list[float], expected: list[float]) -> None:
    assert len(found) == len(expected), found
    assert all(abs(one - other) < NEAR_SECONDS for one, other in zip(found, expected, strict=True)), found


@pytest.mark.parametrize("name", [*STAMPED, *UNSTAMPED])
def test_a_healthy_file_is_not_touched(name: str, tmp_path: Path) -> None:
    source = beeping(tmp_path / name, *{**STAMPED, **UNSTAMPED}[name])
    done, found = converted(source, tmp_path)
    assert abs(done.duration - SECONDS) < 0.07
    assert done.notes == ()
    delay = found[0] - 1  # some containers do not say how much an encoder added
    assert -0.005 < delay < 0.06
    assert_near(found, [second + delay for second in range(1, SECONDS)])


@pytest.mark.parametrize("name", STAMPED)
def test_lost_packets_are_silence(name: str, tmp_path: Path) -> None:
    whole = beeping(tmp_path / f"whole.{name}", *STAMPED[name])
    source = without(whole, tmp_path / name, "gt({t},3.5)*lt({t},5.5)")
    done, found = converted(source, tmp_path)
    assert abs(done.duration - SECONDS) < 0.07
    delay = found[0] - 1
    assert_near(found, [second + delay for second in (1, 2, 3, 6, 7, 8, 9)])


@pytest.mark.parametrize("name", ["aac.mkv", "opus.webm", "mp2.ts"])
def test_many_small_losses_do_not_add_up(name: str, tmp_path: Path) -> None:
    whole = beeping(tmp_path / f"whole.{name}", *STAMPED[name])
    source = without(whole, tmp_path / name, "gt(mod({t},1),0.5)*lt(mod({t},1),0.58)")
    _, found = converted(source, tmp_path)
    delay = found[0] - 1
    assert_near(found, [second + delay for second in range(1, SECONDS)])


def late(target: Path, seconds: float, *words: str) -> Path:
    """Create a video whose sound begins late."""
    return made(target, *pictures(SECONDS), "-itsoffset", str(seconds), *beeps(), "-map", "0", "-map", "1", *words)


LATE = {
    "mp4": ["-c:v", "mpeg4", "-c:a", "aac"],
    "mov": ["-c:v", "mpeg4", "-c:a", "pcm_s16le"],
    "mkv": ["-c:v", "mpeg4", "-c:a", "flac"],
    "webm": ["-c:v", "libvpx", "-c:a", "libopus"],
    "ts": ["-c:v", "mpeg2video", "-c:a", "mp2"],
    "mpg": ["-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2"],
    "nut": ["-c:v", "mpeg4", "-c:a", "aac"],
    "ogv": ["-c:v", "libtheora", "-c:a", "libvorbis"],
    "flv": ["-c:v", "flv", "-c:a", "aac"],
}


@pytest.mark.parametrize("suffix", LATE)
def test_a_late_start_is_silence(suffix: str, tmp_path: Path) -> None:
    source = late(tmp_path / f"in.{suffix}", 3.0, *LATE[suffix])
    done, found = converted(source, tmp_path)
    assert abs(done.duration - SECONDS - 3) < 0.1
    assert len(found) == SECONDS - 1
    assert abs(found[0] - 4) < 0.06


@pytest.mark.parametrize(
    ("options", "duration", "expected"),
    [
        ({"start": 1.0, "end": 5.0}, 4.0, [3.0]),
        ({"start": 3.5, "end": 6.5}, 3.0, [0.5, 1.5, 2.5]),
        ({"end": 4.5}, 4.5, [4.0]),
        ({"volume": 0.9}, 13.0, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]),
        ({"speed": 2.0}, 6.5, [2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0]),
        ({"fade_out": 0.5, "start": 2.0}, 11.0, [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]),
        ({"normalize": -20.0, "end": 5.5}, 5.5, [4.0, 5.0]),
    ],
)
def test_options_use_the_same_clock(
    options: dict[str, float], duration: float, expected: list[float], tmp_path: Path
) -> None:
    source = late(tmp_path / "in.mkv", 3.0, *LATE["mkv"])
    done, found = converted(source, tmp_path, **options)
    assert abs(done.duration - duration) < 0.01
    assert_near(found, expected)


def test_cuts_count_holes(tmp_path: Path) -> None:
    whole = beeping(tmp_path / "whole.mkv", "-c:a", "flac")
    source = without(whole, tmp_path / "in.mkv", "gt({t},3.5)*lt({t},5.5)")
    done, found = converted(source, tmp_path, start=2.5, end=7.5)
    assert abs(done.duration - 5) < 0.01
    assert_near(found, [0.5, 3.5, 4.5])


@pytest.mark.parametrize("offset", [100, 5000, 95_000])
@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4"])
def test_a_clock_that_starts_elsewhere(suffix: str, offset: int, tmp_path: Path) -> None:
    """95,000 s is where the 33 bits of a transport stream are nearly full: they wrap."""
    words = ["-c:a", "mp2", "-muxpreload", "0", "-muxdelay", "0"] if suffix == "ts" else ["-c:a", "aac"]
    source = beeping(tmp_path / f"in.{suffix}", *words, "-output_ts_offset", str(offset))
    done, found = converted(source, tmp_path)
    assert abs(done.duration - SECONDS) < 0.1
    assert len(found) == SECONDS - 1
    assert done.notes == ()


@pytest.mark.parametrize("offset", [0, 3, 30, 5000])
def test_a_jump_of_a_transport_stream_is_no_hole(offset: int, tmp_path: Path) -> None:
    """Two recordings in one file: the clock starts anew, or goes on elsewhere."""
    first = beeping(tmp_path / "first.ts", "-c:a", "mp2")
    second = beeping(tmp_path / "second.ts", "-c:a", "mp2", "-output_ts_offset", str(offset))
    source = tmp_path / "in.ts"
    source.write_bytes(first.read_bytes() + second.read_bytes())
    done, found = converted(source, tmp_path)
    assert len(found) == 2 * (SECONDS - 1)
    assert abs(done.duration - 2 * SECONDS) < 0.2


@pytest.mark.parametrize(
    "stamps",
    ["PTS*3", "PTS/3", "if(gt(N,100),PTS+5000/TB,PTS)", "if(gt(N,100),PTS-2/TB,PTS)", "0", "PTS+mod(N,7)*0.01/TB"],
)
@pytest.mark.parametrize("suffix", ["avi", "mkv"])
def test_no_sound_is_lost_to_wrong_stamps(suffix: str, stamps: str, tmp_path: Path) -> None:
    right = beeping(tmp_path / f"right.{suffix}", "-c:a", "mp2")
    source = made(
        tmp_path / f"in.{suffix}",
        "-i",
        str(right),
        "-c",
        "copy",
        "-bsf:a",
        f"setts=ts='{stamps}'",
        "-avoid_negative_ts",
        "0",
    )
    _, found = converted(source, tmp_path)
    assert len(found) >= SECONDS - 1


MP3 = ["-c:a", "libmp3lame", "-b:a", "128k"]
# Transport streams do not declare what players must skip.
COPIED_NEAR_SECONDS = {"mkv": NEAR_SECONDS, "mp4": NEAR_SECONDS, "ts": 0.05}


VBR = ["-c:a", "libmp3lame", "-q:a", "2"]


@pytest.mark.parametrize("words", [MP3, [*MP3, "-reservoir", "0"], VBR])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_holes_in_a_copied_mp3(suffix: str, words: list[str], tmp_path: Path) -> None:
    assert_copied_with_a_hole(suffix, 5.5, words, tmp_path)


@pytest.mark.parametrize("words", [MP3, [*MP3, "-ac", "2"], [*MP3, "-ar", "24000"]])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_sound_right_after_a_hole_in_a_copied_mp3(suffix: str, words: list[str], tmp_path: Path) -> None:
    """Its first frames need main data from the hole; they are concealed, so that it begins in time."""
    assert_copied_with_a_hole(suffix, 5.99, words, tmp_path)


def assert_copied_with_a_hole(suffix: str, end: float, words: list[str], tmp_path: Path) -> None:
    whole = beeping(tmp_path / f"whole.{suffix}", *words)
    source = without(whole, tmp_path / f"in.{suffix}", f"gt({{t}},3.5)*lt({{t}},{end})")
    frames = samples.sound_of(source)
    done, found = converted(source, tmp_path)
    assert abs(done.duration - SECONDS) < 0.1
    assert found == pytest.approx([1, 2, 3, 6, 7, 8, 9], abs=COPIED_NEAR_SECONDS[suffix])
    copy = tmp_path / "work" / "out.mp3"
    assert samples.sound_of(copy).startswith(frames[:2000]), "it was copied"
    # The frames after a hole do not refer to what is missing.
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-i", str(copy), "-f", "null", "-"]
    assert not subprocess.run(command, capture_output=True, check=True, timeout=60).stderr


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_a_copied_mp3_that_begins_late(suffix: str, tmp_path: Path) -> None:
    words = ["-c:v", "mpeg2video" if suffix == "ts" else "mpeg4", *MP3]
    done, found = converted(late(tmp_path / f"in.{suffix}", 3.0, *words), tmp_path)
    assert abs(done.duration - SECONDS - 3) < 0.1
    assert len(found) == SECONDS - 1
    assert found == pytest.approx([second + 3 for second in range(1, SECONDS)], abs=COPIED_NEAR_SECONDS[suffix])


@pytest.mark.parametrize(
    ("rate", "channels", "hole", "expected"),
    [(48_000, 2, 290, 295), (192_000, 6, 70, 75), (48_000, 1, 1000, 5), (192_000, 1, 290, 5)],
)
def test_long_holes(rate: int, channels: int, hole: int, expected: float, tmp_path: Path) -> None:
    """The silence fits into the memory that a program may have; a longer hole is none, but no sound is lost."""
    sine = ["-f", "lavfi", "-i", f"sine=d=5:r={rate}"]
    whole = made(tmp_path / "whole.mkv", *sine, "-ac", str(channels), "-c:a", "pcm_s16le")
    later = f"setts=ts='if(gt(PTS*TB,2),PTS+{hole}/TB,PTS)'"
    source = made(tmp_path / "in.mkv", "-i", str(whole), "-c", "copy", "-bsf:a", later)
    done, _ = converted(source, tmp_path)
    assert abs(done.duration - expected) < 0.1


def test_a_long_hole_in_a_copied_mp3(tmp_path: Path) -> None:
    whole = beeping(tmp_path / "whole.mkv", *MP3)
    later = "setts=ts='if(gt(PTS*TB,5.5),PTS+200/TB,PTS)'"
    source = made(tmp_path / "in.mkv", "-i", str(whole), "-c", "copy", "-bsf:a", later)
    done, found = converted(source, tmp_path)
    assert abs(done.duration - SECONDS - 200) < 0.1
    assert [round(each) for each in found] == [1, 2, 3, 4, 5, 206, 207, 208, 209]

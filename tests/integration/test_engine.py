"""The engine on ordinary and unusual files: a correct MP3, or the reason why there is none."""

from __future__ import annotations

import itertools
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from mutagen.mp3 import MP3

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import Options
from functions.convert import engine, mp3
from functions.convert.lease import Lost
from functions.convert.limits import Limits
from functions.convert.notes import NO_COVER, TRUNCATED_SOURCE
from functions.convert.watch import Watch
from tests.clients import processes
from tests.clients.waiting import until_gone
from tests.media.samples import made, pictures, sound_of
from tests.media.tone import assert_tone

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
TONE = "sine=frequency=440:sample_rate=44100,volume=4"


class ProgressWatch(Watch):
    """A watch that reports the progress."""

    def __init__(self, deadline: float, on_progress: Callable[[float], None]) -> None:
        super().__init__(deadline)
        self._on_progress = on_progress

    def beat(self, progress: float = 0.0) -> None:
        self._on_progress(progress)


def convert(source: Path, folder: Path, options: Options | None = None, **given: Any) -> engine.Made:
    """Convert a copy of the file in its own folder."""
    folder.mkdir(exist_ok=True)
    shutil.copy(source, folder / "in")
    watch = ProgressWatch(given.pop("deadline", time.monotonic() + 60), given.pop("on_progress", lambda percent: None))
    usual: dict[str, Any] = {"limits": Limits(43_200, 2**31), "encoders": 0}
    return engine.convert(folder / "in", folder / "out.mp3", options or Options(), watch, **(usual | given))


def tone(path: Path, seconds: float, *words: str, source: str = TONE) -> Path:
    """Create a file with a tone."""
    return made(path, "-f", "lavfi", "-i", source, "-t", str(seconds), *words)


def film(path: Path, seconds: float) -> Path:
    """Create a video with pictures and a tone."""
    return made(path, *pictures(seconds), "-f", "lavfi", "-i", TONE, "-t", str(seconds), "-c:v", "mpeg4", "-c:a", "aac")


def refused(source: Path, folder: Path, options: Options | None = None, **given: Any) -> errors.Kind:
    """Return why a file cannot be converted."""
    with pytest.raises(Failure) as failure:
        convert(source, folder, options, **given)
    return failure.value.kind


def assert_decodes(path: Path, seconds: float) -> None:
    """An independent decoder must find as much sound as declared, without errors."""
    assert abs(decoded(path) - seconds) < 0.1


def decoded(path: Path) -> float:
    """Return how many seconds ffmpeg decodes, without errors."""
    command = [FFMPEG, "-v", "error", "-xerror", "-i", str(path), "-map", "0:a", "-f", "u8", "-ac", "1", "-ar", "8000"]
    sound = subprocess.run([*command, "pipe:1"], capture_output=True, check=True, timeout=60)
    assert not sound.stderr
    return len(sound.stdout) / 8000


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.m4a", ["-c:a", "aac"]),
        ("a.mp3", ["-c:a", "libmp3lame"]),
        ("a.wav", ["-c:a", "pcm_s24le"]),
        ("a.flac", ["-c:a", "flac"]),
        ("a.opus", ["-c:a", "libopus"]),
        ("mono.mkv", ["-c:a", "vorbis", "-strict", "-2", "-ac", "2"]),
        ("surround.mka", ["-af", "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0", "-c:a", "ac3"]),
        ("high.wav", ["-ar", "96000"]),
        ("low.wav", ["-ar", "7350"]),
    ],
)
def test_every_kind_of_sound(name: str, words: list[str], tmp_path: Path) -> None:
    source = tone(tmp_path / name, 3.0, *words)
    sound = convert(source, tmp_path / "work")
    assert sound.notes == ()
    assert_tone(tmp_path / "work" / "out.mp3", 440, 3.0)


@pytest.mark.parametrize(
    ("options", "level", "silent"),
    [(Options(), 64, 1.0), (Options(volume=0.5), 32, 1.0), (Options(start=0.5, channels=1), 64, 0.5)],
)
def test_the_waveform_is_that_of_the_mp3(options: Options, level: int, silent: float, tmp_path: Path) -> None:
    """A second of silence and one of a tone at half of full scale; the same from one encoder and from two."""
    source = tone(tmp_path / "a.mkv", 2.0, "-af", "adelay=1000,pan=stereo|c0=c0|c1=c0", "-c:a", "flac")
    first, second = (convert(source, tmp_path / f"{n}", options, encoders=n).waveform for n in (1, 2))
    assert first is not None
    assert first == second
    found = first.as_audiowaveform()
    seconds = found["length"] * found["samples_per_pixel"] / found["sample_rate"]
    assert seconds == pytest.approx(1.0 + silent, abs=0.01)
    pairs = list(zip(found["data"][::2], found["data"][1::2], strict=True))
    border = round(len(pairs) * silent / (1.0 + silent))
    assert set(pairs[: border - 10]) == {(0, 0)}
    lows, highs = zip(*pairs[border + 10 :], strict=True)
    assert (min(lows), max(highs)) == pytest.approx((-level, level), abs=1)
    assert all(low < high for low, high in pairs[border + 10 :])


def test_copied_sound_has_no_waveform(tmp_path: Path) -> None:
    source = tone(tmp_path / "a.mp3", 2.0, "-c:a", "libmp3lame")
    assert convert(source, tmp_path / "copied").waveform is None
    assert convert(source, tmp_path / "encoded", Options(bitrate=64)).waveform is not None


def test_a_variable_frame_rate(tmp_path: Path) -> None:
    words = ["-f", "lavfi", "-i", "testsrc2=rate=30:size=64x48", "-vf", "select='not(mod(n,7))+not(mod(n,5))'"]
    source = tone(tmp_path / "vfr.mp4", 3.0, *words, "-fps_mode", "vfr", "-c:v", "mpeg4", "-shortest")
    convert(source, tmp_path / "work")
    assert_tone(tmp_path / "work" / "out.mp3", 440, 3.0)


def test_thirty_tracks(tmp_path: Path) -> None:
    """The default track is used, or the one chosen by number or language."""
    inputs = [word for n in range(30) for word in ("-f", "lavfi", "-i", f"sine=frequency={300 + 20 * n},volume=4")]
    maps = [word for n in range(30) for word in ("-map", f"{n}:a")]
    flags = ["-disposition:a", "0", "-disposition:a:7", "default", "-metadata:s:a:11", "language=fre"]
    source = made(tmp_path / "many.mkv", *inputs, *maps, "-t", "2", "-c:a", "pcm_s16le", *flags)
    for number, (track, hertz) in enumerate(((None, 440), (3, 340), ("fre", 520), (30, 880))):
        convert(source, tmp_path / str(number), Options(track=track))
        assert_tone(tmp_path / str(number) / "out.mp3", hertz, 2.0)
    for track in (31, "jpn"):
        assert refused(source, tmp_path / str(track), Options(track=track)) is errors.NO_SUCH_TRACK


def test_a_hundredth_of_a_second(tmp_path: Path) -> None:
    sound = convert(tone(tmp_path / "short.wav", 0.01), tmp_path / "work")
    assert sound.duration == 0.01
    assert_decodes(tmp_path / "work" / "out.mp3", 0.01)


def test_eleven_days_declared(tmp_path: Path) -> None:
    """The declared length is only used for the note that it was wrong."""
    source = tone(tmp_path / "long.mkv", 76.0, "-c:a", "pcm_mulaw")
    content = bytearray(source.read_bytes())
    place = content.index(bytes.fromhex("4489")) + 3  # Matroska's Duration, a double in milliseconds
    content[place : place + 8] = struct.pack(">d", 11 * 86_400_000.0)
    source.write_bytes(content)
    sound = convert(source, tmp_path / "work")
    assert sound.notes == (TRUNCATED_SOURCE,)
    assert_tone(tmp_path / "work" / "out.mp3", 440, 76.0)


def test_half_a_file(tmp_path: Path) -> None:
    """The existing part is converted, with a note that more was declared."""
    whole = tone(tmp_path / "whole.mp4", 20.0, "-c:a", "aac", "-movflags", "+faststart").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    sound = convert(tmp_path / "half.mp4", tmp_path / "work")
    assert sound.notes == (TRUNCATED_SOURCE,)
    assert 8 < sound.duration < 12


@pytest.mark.attack("B12", "B13")
@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile 'neighbour'\n", "#EXTM3U\n#EXTINF:9,\nneighbour\n"])
def test_a_script_cannot_read_its_neighbour(text: str, tmp_path: Path) -> None:
    """A text file that names another file does not open it."""
    (tmp_path / "work").mkdir()
    film(tmp_path / "film.mp4", 2.0).rename(tmp_path / "work" / "neighbour")
    script = tmp_path / "script"
    script.write_text(text)
    assert refused(script, tmp_path / "work") is errors.NOT_MEDIA


def test_mp3_is_copied_frame_by_frame(tmp_path: Path) -> None:
    source = tone(tmp_path / "sound.mp3", 5.0, "-c:a", "libmp3lame", "-b:a", "96k")
    video = made(tmp_path / "video.mkv", "-i", str(source), "-c", "copy")
    for number, each in enumerate((source, video)):
        convert(each, tmp_path / str(number), Options(title="A title"))
        assert sound_of(tmp_path / str(number) / "out.mp3") == sound_of(source)
        assert MP3(tmp_path / str(number) / "out.mp3")["TIT2"].text == ["A title"]
        assert_tone(tmp_path / str(number) / "out.mp3", 440, 5.0)
    # An MP3's declared encoder delay and padding are kept, so that no silence is added.
    copied: Any = MP3(tmp_path / "0" / "out.mp3").info
    assert copied.length == pytest.approx(5.0, abs=0.001)
    convert(source, tmp_path / "new", Options(bitrate=64))
    assert sound_of(tmp_path / "new" / "out.mp3") != sound_of(source)


@pytest.mark.parametrize("flags", [0x01, 0x03, 0x07, 0x09])
def test_gaps_count_whatever_other_fields_the_info_frame_has(flags: int, tmp_path: Path) -> None:
    """As ffmpeg hears them: only the bits of the flags say where LAME's fields are."""
    source = tone(tmp_path / "sound.mp3", 1.0, "-c:a", "libmp3lame", "-id3v2_version", "0")
    content = source.read_bytes()
    begin = content.index(b"Info") + 8
    fields = {0x01: 4, 0x02: 4, 0x04: 100, 0x08: 4}
    places = [begin + sum(length for other, length in fields.items() if other < bit) for bit in fields]
    kept = [(at, length) for at, (bit, length) in zip(places, fields.items(), strict=True) if flags & bit]
    some = b"".join(content[at : at + length] for at, length in kept)
    lame = content[begin + 112 : begin + 148]
    frame = content[: begin - 1] + bytes([flags]) + (some + lame).ljust(148, b"\0")
    source.write_bytes(frame + content[begin + 148 :])
    sound = convert(source, tmp_path / "work")
    heard = [decoded(source), decoded(tmp_path / "work" / "out.mp3")]
    assert [sound.duration, *heard] == pytest.approx([1.0] * 3, abs=0.001)


def test_impossible_gaps_are_ignored(tmp_path: Path) -> None:
    """A LAME tag with more padding than sound is ignored, and all sound is kept."""
    source = tone(tmp_path / "sound.mp3", 0.1, "-c:a", "libmp3lame")
    content = bytearray(source.read_bytes())
    gaps = content.index(b"Info") + 141
    content[gaps : gaps + 3] = b"\xff\xff\xff"  # 4095 samples before and after
    source.write_bytes(content)
    sound = convert(source, tmp_path / "work")
    assert sound.duration == pytest.approx(0.15, abs=0.05)
    assert sound_of(tmp_path / "work" / "out.mp3") == sound_of(source)
    assert_decodes(tmp_path / "work" / "out.mp3", sound.duration)


def test_a_truncated_mp3_is_copied_up_to_its_last_complete_frame(tmp_path: Path) -> None:
    source = tone(
        tmp_path / "a.mp3", 5.0, "-c:a", "libmp3lame", "-b:a", "96k", "-id3v2_version", "0", "-write_xing", "0"
    )
    whole = list(mp3.Splitter().split(source.read_bytes()))
    source.write_bytes(b"".join(whole[:100]) + whole[100][:-100])
    sound = convert(source, tmp_path / "work")
    assert sound.duration == pytest.approx(100 * 1152 / 44_100, abs=0.001)
    assert sound_of(tmp_path / "work" / "out.mp3") == b"".join(whole[:100])
    assert_decodes(tmp_path / "work" / "out.mp3", sound.duration)


@pytest.mark.parametrize(
    ("options", "bitrate"),
    [(Options(bitrate=64), 64_000), (Options(bitrate=320, effort=7), 320_000), (Options(), None)],
)
def test_bitrates(options: Options, bitrate: int | None, tmp_path: Path) -> None:
    source = tone(tmp_path / "a.wav", 3.0)
    convert(source, tmp_path / "work", options)
    info: Any = MP3(tmp_path / "work" / "out.mp3").info
    assert str(info.bitrate_mode).endswith("VBR" if bitrate is None else "CBR")
    assert bitrate is None or info.bitrate == pytest.approx(bitrate, rel=0.02)


def test_low_rates_with_a_high_bitrate(tmp_path: Path) -> None:
    source = tone(tmp_path / "a.wav", 3.0, "-ar", "8000")
    convert(source, tmp_path / "work", Options(bitrate=320))
    info: Any = MP3(tmp_path / "work" / "out.mp3").info
    assert info.bitrate == pytest.approx(64_000, rel=0.05)


def test_all_options_at_once(tmp_path: Path) -> None:
    options = Options(
        bitrate=128,
        start=1.0,
        end=6.0,
        channels=1,
        samplerate=32_000,
        fade_in=0.5,
        fade_out=0.5,
        volume=0.8,
        speed=1.25,
        normalize=-18.0,
        title="T",
        artist="A",
        album="B",
        cover=2.0,
    )
    sound = convert(film(tmp_path / "film.mp4", 10.0), tmp_path / "work", options)
    assert sound.duration == pytest.approx(4.0, abs=0.01)
    assert sound.notes == ()
    file: Any = MP3(tmp_path / "work" / "out.mp3")
    assert (file.info.sample_rate, file.info.channels) == (32_000, 1)
    assert [file[name].text for name in ("TIT2", "TPE1", "TALB")] == [["T"], ["A"], ["B"]]
    assert file["APIC:"].data.startswith(b"\xff\xd8")
    assert sound.picture
    assert (tmp_path / "work" / "out.mp3").read_bytes()[slice(*sound.picture)] == file["APIC:"].data


def test_a_missing_cover_is_noted(tmp_path: Path) -> None:
    source = tone(tmp_path / "a.wav", 1.0)
    without = convert(source, tmp_path / "work", Options(cover=0.5))
    assert (without.notes, without.picture) == ((NO_COVER,), None)
    assert convert(source, tmp_path / "none", Options(cover="none")).notes == ()


def test_chapters_are_cut_to_the_sound(tmp_path: Path) -> None:
    described = tmp_path / "chapters.txt"
    described.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1999\ntitle=Chapter 1\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=4999\ntitle=Chapter 2\n"
    )
    plain = film(tmp_path / "film.mkv", 5.0)
    source = made(tmp_path / "chapters.mkv", "-i", str(plain), "-i", str(described), "-c", "copy", "-map_chapters", "1")
    told = convert(source, tmp_path / "work", Options(start=1.5, end=4.5)).chapters
    assert [(round(c.start, 2), round(c.end, 2), c.title) for c in told] == [
        (0.0, 0.5, "Chapter 1"),
        (0.5, 3.0, "Chapter 2"),
    ]
    found: Any = MP3(tmp_path / "work" / "out.mp3").tags
    chapters = found.getall("CHAP")
    assert sorted((c.start_time, c.end_time, c.sub_frames["TIT2"].text[0]) for c in chapters) == [
        (0, 499, "Chapter 1"),
        (500, 3000, "Chapter 2"),
    ]


@pytest.mark.attack("B11")
def test_limits(tmp_path: Path) -> None:
    """Conversions that take too long, or whose MP3 is too long or too large, are stopped with the right error."""
    video = film(tmp_path / "film.mp4", 12.0)
    names = itertools.count()
    for options in (Options(), Options(bitrate=128)):
        for given, kind in (
            ({"deadline": time.monotonic()}, errors.CONVERT_TIMED_OUT),
            ({"limits": Limits(9.0, 2**31)}, errors.TOO_LONG),
            ({"limits": Limits(43_200, 20_000)}, errors.MP3_TOO_LARGE),
        ):
            assert refused(video, tmp_path / str(next(names)), options, **given) is kind
    assert refused(video, tmp_path / "end", Options(start=60.0)) is errors.OUT_OF_RANGE


@pytest.mark.parametrize("options", [Options(), Options(bitrate=128), Options(speed=2.0)])
def test_progress_rises(options: Options, tmp_path: Path) -> None:
    source = tone(tmp_path / "a.mkv", 60.0, "-c:a", "libmp3lame")
    seen: list[float] = []
    convert(source, tmp_path / "work", options, on_progress=seen.append)
    told = [percent for percent in seen if percent]
    assert told == sorted(told)
    assert len(set(told)) >= 3
    assert 90 < told[-1] <= 99


def test_progress_without_a_declared_length(tmp_path: Path) -> None:
    """A live recording declares no length, so progress is the share of the file that was read."""
    source = tmp_path / "live.mkv"
    with source.open("wb") as file:  # without seeking, ffmpeg cannot write the length
        words = ["-f", "lavfi", "-i", TONE, "-t", "200", "-c:a", "pcm_s16le", "-f", "matroska", "pipe:1"]
        subprocess.run([FFMPEG, "-v", "error", *words], check=True, stdout=file, timeout=60)
    seen: list[float] = []
    assert convert(source, tmp_path / "work", on_progress=seen.append).notes == ()
    told = [percent for percent in seen if percent]
    assert len(set(told)) >= 3
    assert max(told) <= 99


@pytest.mark.parametrize("at", [0.0, 50.0])
def test_a_lost_lease_stops_everything(at: float, tmp_path: Path) -> None:
    """The exception from the progress callback is raised, and every program has ended by then."""

    def lost(percent: float) -> None:
        if percent >= at:
            raise Lost

    source = tone(tmp_path / "a.wav", 60.0)
    with pytest.raises(Lost):
        convert(source, tmp_path / "work", on_progress=lost)
    until_gone(lambda: processes.inside(tmp_path), "the programs", 5)


@pytest.mark.parametrize("name", ["a 'quoted' \"name\".wav", "-i.wav", "new\nline.wav", "😀 %d %s.wav", "a;b|c.wav"])
def test_a_folder_of_any_name(name: str, tmp_path: Path) -> None:
    """The engine uses fixed file names, but the folder may have any name."""
    source = tone(tmp_path / "a.wav", 1.0)
    convert(source, tmp_path / name)
    assert_tone(tmp_path / name / "out.mp3", 440, 1.0)

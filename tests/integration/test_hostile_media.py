"""Media made to cost much, or to reach elsewhere: a conversion ends within its limits, and opens its file alone."""

from __future__ import annotations

import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

from functions.common import errors
from functions.common.errors import Failure, Kind
from functions.common.options import Options
from functions.convert import engine
from functions.convert.limits import Limits
from functions.convert.watch import Watch
from tests.media.samples import made, pictures, tone
from tests.media.tone import assert_tone

SECONDS = 60.0
LIMITS = Limits(300, 2**24)
REFUSED = {errors.NOT_MEDIA, errors.UNDECODABLE, errors.NO_INDEX, errors.NO_AUDIO, errors.TOO_LONG}
SECRET = b"the content of another file"


def outcome(folder: Path, source: Path, options: Options | None = None) -> engine.Made | Kind:
    """Convert a file; return the result or the kind of its failure. The deadline is far beyond what it should need."""
    (folder / "work").mkdir()
    source.rename(folder / "work" / "in")
    watch = Watch(time.monotonic() + SECONDS)
    try:
        return engine.convert(
            folder / "work" / "in", folder / "work" / "out.mp3", options or Options(), watch, limits=LIMITS, encoders=0
        )
    except Failure as failure:
        return failure.kind


@pytest.mark.attack("B11")
@pytest.mark.parametrize("suffix", ["flac", "opus", "mka"])
def test_hours_of_silence(suffix: str, tmp_path: Path) -> None:
    """A megabyte that would become hundreds."""
    codec = {"flac": "flac", "opus": "libopus", "mka": "alac"}[suffix]
    silence = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "7200", "-c:a", codec]
    source = made(tmp_path / f"silence.{suffix}", *silence)
    assert source.stat().st_size < 12_000_000
    assert outcome(tmp_path, source) is errors.TOO_LONG


@pytest.mark.attack("B11")
def test_a_picture_of_144_megapixels(tmp_path: Path) -> None:
    """As a cover, it would be decoded into hundreds of megabytes."""
    words = [*tone(1.0), "-f", "lavfi", "-i", "color=size=12000x12000:rate=1:duration=1", "-frames:v", "1"]
    source = made(tmp_path / "huge.mkv", *words, "-c:v", "mjpeg", "-c:a", "libmp3lame", "-pix_fmt", "yuvj420p")
    found = outcome(tmp_path, source, replace(Options(), cover=1.0))
    assert isinstance(found, engine.Made)
    assert_tone(tmp_path / "work" / "out.mp3", 440, 1.0)


@pytest.mark.attack("B11")
def test_hundreds_of_tracks(tmp_path: Path) -> None:
    mapped = [word for _ in range(300) for word in ("-map", "0:a")]
    source = made(tmp_path / "many.mka", *tone(0.2), *mapped, "-c:a", "pcm_s16le", "-ar", "8000")
    found = outcome(tmp_path, source)
    assert isinstance(found, engine.Made)
    assert len(found.others) == 299, "as many as the job keeps are stored"


@pytest.mark.attack("B11")
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_million_boxes(place: str, tmp_path: Path) -> None:
    whole = made(tmp_path / "a.mp4", *tone(2.0), "-c:a", "aac").read_bytes()
    boxes = struct.pack(">I4s", 8, b"free") * 1_000_000
    size = struct.unpack(">I", whole[:4])[0]
    source = tmp_path / "boxes.mp4"
    source.write_bytes(whole[:size] + boxes + whole[size:] if place == "before" else whole + boxes)
    found = outcome(tmp_path, source)
    assert found in REFUSED if place == "before" else isinstance(found, engine.Made)


def element(name: bytes, content: bytes) -> bytes:
    """Return an element of EBML."""
    return name + (len(content) | 1 << 56).to_bytes(8, "big") + content


@pytest.mark.attack("B11")
def test_matroska_within_matroska(tmp_path: Path) -> None:
    """Ten thousand tags, each within another."""
    source = made(tmp_path / "a.mkv", *tone(2.0), "-c:a", "libmp3lame", "-f", "matroska", "-live", "1")
    nested = b""
    for _ in range(10_000):
        nested = element(b"\x67\xc8", nested)
    with source.open("ab") as file:
        file.write(element(b"\x12\x54\xc3\x67", element(b"\x73\x73", nested)))
    found = outcome(tmp_path, source)
    assert isinstance(found, engine.Made) or found in REFUSED


@pytest.mark.attack("B14")
def test_a_movie_whose_sound_is_in_another_file(tmp_path: Path) -> None:
    """Its data reference names a neighbour, where there is sound at the same place."""
    tone_of = made(tmp_path / "a.mov", *tone(3.0, 1000), "-c:a", "pcm_s16le").read_bytes()
    own = b"url \0\0\0\x01" if b"url \0\0\0\x01" in tone_of else b"alis\0\0\0\x01"
    at = tone_of.index(b"dref") - 4
    size = struct.unpack(">I", tone_of[at : at + 4])[0]
    name = b"neighbour\0"[: size - 28].ljust(size - 28, b"\0")
    reference = struct.pack(">I4sIII4sI", size, b"dref", 0, 1, size - 16, b"url ", 0) + name
    silent = bytearray(tone_of.replace(own, own[:7] + b"\0", 1))
    silent[at : at + size] = reference
    begin = tone_of.index(b"mdat") + 4
    length = struct.unpack(">I", tone_of[begin - 8 : begin - 4])[0] - 8
    silent[begin : begin + length] = bytes(length)
    source = tmp_path / "b.mov"
    source.write_bytes(bytes(silent))
    found = outcome(tmp_path, source)
    if isinstance(found, engine.Made):
        with pytest.raises(AssertionError):
            assert_tone(tmp_path / "work" / "out.mp3", 1000, 3.0)
    else:
        assert found in REFUSED


@pytest.mark.attack("B14", "B22")
def test_attachments_and_chapters_without_number(tmp_path: Path) -> None:
    """None of what is attached is in the MP3, and of ten thousand chapters only as many as a table holds."""
    attached = tmp_path / "font.ttf"
    attached.write_bytes(SECRET * 1000)
    named = [word for _ in range(100) for word in ("-attach", str(attached))]
    types = ["-metadata:s:t", "mimetype=application/x-truetype-font"]
    chapters = tmp_path / "chapters.txt"
    each = "[CHAPTER]\nTIMEBASE=1/10000\nSTART={}\nEND={}\ntitle=<b>{}</b>\n"
    chapters.write_text(";FFMETADATA1\n" + "".join(each.format(number, number + 1, number) for number in range(10_000)))
    words = ["-f", "ffmetadata", "-i", str(chapters), "-map_metadata", "1", "-map_chapters", "1", "-map", "0"]
    source = made(tmp_path / "a.mkv", *tone(2.0), *words, *named, *types, "-c:a", "libmp3lame")
    found = outcome(tmp_path, source)
    assert isinstance(found, engine.Made)
    content = (tmp_path / "work" / "out.mp3").read_bytes()
    assert SECRET not in content
    assert content.count(b"CHAP") <= 255
    assert_tone(tmp_path / "work" / "out.mp3", 440, 2.0)


@pytest.mark.attack("B14")
def test_subtitles_that_name_files(tmp_path: Path) -> None:
    """Styled subtitles name fonts; only the sound is read."""
    script = tmp_path / "a.ass"
    script.write_text(
        "[Script Info]\nScriptType: v4.00+\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,/etc/passwd\n"
        "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:00.00,0:00:01.00,{\\fnfile:///etc/passwd}x\n"
    )
    source = made(tmp_path / "a.mkv", *tone(2.0), *pictures(2.0), "-i", str(script), "-c:s", "copy", "-c:v", "mpeg4")
    assert isinstance(outcome(tmp_path, source), engine.Made)
    assert_tone(tmp_path / "work" / "out.mp3", 440, 2.0)

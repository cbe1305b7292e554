"""The tag and the cover, as read back by a library and by ffmpeg; the sound is unchanged."""

from __future__ import annotations

import io
import math
import struct
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import mutagen.id3
import mutagen.mp3
import pytest
from PIL import Image

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import cover, probe, tags
from functions.convert.cage import Cage
from functions.convert.metadata import Chapter
from functions.convert.watch import Watch
from tests.media.samples import made, pictures, sound_of, tone

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8 + b"\xff\xd9"
ODD = "A = B ; C # D \\ E \"double\" 'single' 😀 é 日本語 %s $(id)"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An MP3 without a tag."""
    return made(tmp_path / "bare.mp3", *tone(3), "-id3v2_version", "0", "-write_xing", "0")


def tagged(bare: Path, **fields: Any) -> Path:
    """Write the tag, then the MP3."""
    path = bare.with_name("tagged.mp3")
    path.write_bytes(tags.encoded(**fields) + bare.read_bytes())
    return path


def read(path: Path) -> mutagen.id3.ID3:
    return mutagen.id3.ID3(path)


def ffmetadata(path: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-copyts", "-i", str(path), "-f", "ffmetadata", "-"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    harmless = ("Estimating duration from bitrate", "Output file is empty")
    assert [line for line in done.stderr.splitlines() if not any(words in line for words in harmless)] == []
    return done.stdout


# The tag


def test_an_empty_tag() -> None:
    assert tags.encoded() == b""
    assert tags.encoded(title="", artist=" \n", album="\u200e", date="soon", chapters=(), cover=b"") == b""


def test_texts(bare: Path) -> None:
    path = tagged(bare, title=ODD, artist="Someone", album="Things", date="2008-05-01T12:00:00Z")
    tag = read(path)
    assert tag.version == (2, 4, 0)
    read_back = {name: [str(each) for each in tag[name].text] for name in ("TIT2", "TPE1", "TALB", "TDRC")}
    assert read_back == {"TIT2": [ODD], "TPE1": ["Someone"], "TALB": ["Things"], "TDRC": ["2008-05-01"]}
    assert len(tag) == 4
    listing = ffmetadata(path)
    assert "artist=Someone\n" in listing
    assert "album=Things\n" in listing
    assert "date=2008-05-01\n" in listing
    assert "title=A \\= B \\; C \\# D \\\\ E \"double\" 'single' 😀 é 日本語 %s $(id)\n" in listing


@pytest.mark.parametrize(
    ("date", "written"),
    [
        ("2008", "2008"),
        ("2008-05", "2008-05"),
        ("20080501", "2008-05-01"),
        ("2008/05/01", "2008-05-01"),
        ("2008-13-01", "2008"),
        ("2008-05-32", "2008-05"),
        ("2008 (remastered)", "2008"),
        ("20081", ""),
        ("May 2008", ""),
        ("٢٠٠٨", ""),
        ("99999999999999999999", ""),
        ("2008\x00\n=;", "2008"),
        ("", ""),
    ],
)
def test_dates(date: str, written: str) -> None:
    tag = tags.encoded(title="T", date=date)
    read_back = mutagen.id3.ID3(io.BytesIO(tag)).get("TDRC")
    assert (str(read_back) if read_back else "") == written


@pytest.mark.attack("B22")
@pytest.mark.parametrize(
    "title", ["x" * 100_000, "a\x00b", "one\ntwo\r\nthree", "\udcff\udcfe", "\u202egpj", "TAG" * 50]
)
def test_hostile_text_becomes_one_clean_line(title: str, bare: Path) -> None:
    tag = read(tagged(bare, title=title, chapters=[Chapter(0.0, 1.0, title)]))
    for text in (tag["TIT2"].text, tag["CHAP:chp0"].sub_frames["TIT2"].text):
        assert len(text) == 1
        assert 0 < len(text[0]) <= 300
        assert text[0].isprintable()


def test_chapters(bare: Path) -> None:
    """Every chapter has its frame, and the table of contents at the top lists them in order."""
    path = tagged(bare, chapters=[Chapter(0.0, 1.25, "One"), Chapter(1.25, 2.0, ""), Chapter(2.0, math.inf, "3 😀")])
    tag = read(path)
    contents = tag.getall("CTOC")
    assert [(each.element_id, each.child_element_ids) for each in contents] == [("toc", ["chp0", "chp1", "chp2"])]
    assert contents[0].flags == mutagen.id3.CTOCFlags.TOP_LEVEL | mutagen.id3.CTOCFlags.ORDERED
    chapters = [tag[f"CHAP:{name}"] for name in contents[0].child_element_ids]
    assert [(each.start_time, each.end_time) for each in chapters] == [(0, 1250), (1250, 2000), (2000, 2**32 - 1)]
    assert {(each.start_offset, each.end_offset) for each in chapters} == {(2**32 - 1, 2**32 - 1)}
    assert [each.sub_frames["TIT2"].text if each.sub_frames else None for each in chapters] == [["One"], None, ["3 😀"]]
    listing = ffmetadata(path)
    assert listing.count("[CHAPTER]") == 3
    assert "START=1250\nEND=2000\n" in listing


def test_the_probe_reads_the_chapters_back(bare: Path, cage: Cage) -> None:
    given = (Chapter(0.0, 1.25, "One"), Chapter(1.25, 2.0, "Two"))
    media = probe.look(tagged(bare, title="T", date="2008", chapters=given), cage)
    assert media.chapters == given
    assert media.tags == {"title": "T", "date": "2008"}


def test_many_chapters(bare: Path) -> None:
    """No more chapters are written than a table of contents can hold."""
    tag = read(tagged(bare, chapters=[Chapter(number, number + 1.0, "x") for number in range(300)]))
    assert len(tag.getall("CHAP")) == 255
    assert len(tag["CTOC:toc"].child_element_ids) == 255


def test_cover_frame(bare: Path, tmp_path: Path, cage: Cage) -> None:
    picture = made(tmp_path / "cover.jpg", *pictures(0.1), "-frames:v", "1").read_bytes()
    path = tagged(bare, cover=picture)
    frame = read(path)["APIC:"]
    assert (frame.mime, frame.type, frame.desc, frame.data) == ("image/jpeg", 3, "", picture)
    media = probe.look(path, cage)
    assert media.picture == 1
    assert media.video is None


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ODD},
        {"title": "T", "artist": "A", "album": "L", "date": "2008", "cover": JPEG, "chapters": [Chapter(0, 1, "x")]},
        {"cover": bytes(4 * 2**20)},
        {"cover": b"\xff\xfb\x90\x00" * 1000},
    ],
    ids=["title", "everything", "large", "frames within"],
)
def test_the_sound_is_unchanged(fields: dict[str, Any], bare: Path) -> None:
    path = tagged(bare, **fields)
    assert path.read_bytes().endswith(bare.read_bytes())
    assert sound_of(path) == sound_of(bare) == bare.read_bytes()
    after: Any = mutagen.mp3.MP3(path).info
    before: Any = mutagen.mp3.MP3(bare).info
    assert after.length == pytest.approx(before.length, abs=0.01)


def test_a_picture_with_the_start_of_another_tag(bare: Path) -> None:
    """A picture may contain anything, such as the start of an ID3v1 tag 128 bytes before the end."""
    for distance in range(120, 136):
        picture = JPEG + b"TAG" + bytes(distance - 3)
        assert read(tagged(bare, cover=picture))["APIC:"].data == picture


def test_only_an_id3v2_4_tag_is_written(bare: Path) -> None:
    data = tagged(bare, title="T").read_bytes()
    assert data[:4] == b"ID3\x04"
    assert data[-128:-125] != b"TAG"


def test_size(bare: Path) -> None:
    """The tag's size leads to the first frame, and its padding is small."""
    tag = tags.encoded(title="T", cover=JPEG)
    seven = [byte for byte in tag[6:10]]
    assert sum(byte << 7 * (3 - at) for at, byte in enumerate(seven)) + 10 == len(tag)
    assert len(tag) < len(JPEG) + 300


def test_reserved_space(bare: Path) -> None:
    """A tag with less content is padded to the reserved size, to the byte."""
    chapters = [Chapter(0, 1, "One"), Chapter(1, 9, "Two")]
    room = len(tags.encoded(title="T", chapters=chapters, cover=JPEG))
    for fields in ({"title": "T", "cover": JPEG, "chapters": chapters}, {"title": "T", "chapters": chapters[:1]}, {}):
        tag = tags.encoded(**fields, length=room)  # type: ignore[arg-type]
        assert len(tag) == room
        path = bare.with_name("filled.mp3")
        path.write_bytes(tag + bare.read_bytes())
        assert sound_of(path) == bare.read_bytes()
        assert len(mutagen.mp3.MP3(path).tags or ()) == len(mutagen.id3.ID3(io.BytesIO(tag)))
    with pytest.raises(ValueError, match="does not fit"):
        tags.encoded(title="T" * 300, chapters=chapters, cover=JPEG, length=room)


# Chapters of a cut

FOUR = (Chapter(0, 10, "a"), Chapter(10, 20, "b"), Chapter(15, 30, "c"), Chapter(30, 99_999, "d"))


@pytest.mark.parametrize(
    ("start", "length", "speed", "moved"),
    [
        (0.0, 40.0, 1.0, [(0, 10, "a"), (10, 20, "b"), (15, 30, "c"), (30, 40, "d")]),
        (12.0, 10.0, 1.0, [(0, 8, "b"), (3, 10, "c")]),
        (10.0, 5.0, 2.0, [(0, 5, "b"), (2.5, 5, "c")]),
        (5.0, 40.0, 0.5, [(0, 10, "a"), (10, 30, "b"), (20, 40, "c")]),
        (200_000.0, 10.0, 1.0, []),
        (0.0, 0.0, 1.0, []),
        (15.0, None, 1.0, [(0, 5, "b"), (0, 15, "c"), (15, 99_984, "d")]),
        (0.0, 10.0004, 1.0, [(0, 10, "a")]),
    ],
)
def test_shifted(start: float, length: float | None, speed: float, moved: list[tuple[float, float, str]]) -> None:
    assert tags.shifted(FOUR, start, length, speed) == tuple(Chapter(*each) for each in moved)


def test_chapters_before_the_start() -> None:
    early = (Chapter(-5, -1, "gone"), Chapter(-5, 2, "cut"), Chapter(1, math.inf, "open"))
    assert tags.shifted(early, 0.0, None) == (Chapter(0, 2, "cut"), Chapter(1, math.inf, "open"))
    assert tags.shifted(early, 0.0, 60.0) == (Chapter(0, 2, "cut"), Chapter(1, 60, "open"))


@pytest.mark.parametrize("length", [0.0, 0.5, 12.0, 25.0, 1e9])
def test_no_length_makes_the_tag_longer(length: float) -> None:
    """The space reserved before the length is known is always enough."""
    room = len(tags.encoded(chapters=tags.shifted(FOUR, 5.0, None, 2.0)))
    assert len(tags.encoded(chapters=tags.shifted(FOUR, 5.0, length, 2.0), length=room)) == room


# The cover


def cover_of(source: Path, wanted: float | str | None, cage: Cage) -> Image.Image | None:
    """Return the cover as a picture, if there is one."""
    data = cover.take(source, probe.look(source, cage), wanted, cage)
    if data is None:
        return None
    assert len(data) <= 4 * 2**20
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "JPEG"
    picture.load()
    return picture


def coloured(target: Path, colour: str, size: str = "320x200") -> Path:
    return made(target, "-f", "lavfi", "-i", f"color={colour}:size={size}", "-frames:v", "1")


def with_picture(folder: Path, picture: Path, suffix: str = "mp3") -> Path:
    words = ["-i", str(picture), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    return made(folder / f"in.{suffix}", *tone(), *words)


def with_data(bare: Path, data: bytes, mime: str = "image/png") -> Path:
    """Attach bytes that claim to be a picture."""
    tag = mutagen.id3.ID3()
    tag.add(mutagen.id3.APIC(encoding=3, mime=mime, type=3, desc="", data=data))
    tag.save(bare)
    return bare


# The start and step of each pass of an interlaced PNG: x, y, dx, dy (PNG, "Interlaced data order").
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(width: int, height: int, slow: bool = False) -> bytes:
    """Return a black PNG with four channels of 16 bits, a very small file.

    A `slow` one is interlaced and filtered (Paeth), and takes four times as long to decode.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(1)
    data = b""
    for x, y, dx, dy in _ADAM7 if slow else ((0, 0, 1, 1),):
        row = bytes([4 if slow else 0]) + bytes(8 * -(-(width - x) // dx))
        data += b"".join(packer.compress(row) for _ in range(-(-(height - y) // dy)))
    data += packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, int(slow))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def is_red(picture: Image.Image) -> bool:
    red, green, blue = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))  # type: ignore[misc]
    return red > 200 and green < 60 and blue < 60


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp"])
def test_an_attached_picture(kind: str, tmp_path: Path, cage: Cage) -> None:
    picture = cover_of(with_picture(tmp_path, coloured(tmp_path / f"red.{kind}", "red")), None, cage)
    assert picture is not None
    assert picture.size == (320, 200)
    assert is_red(picture)


@pytest.mark.parametrize("suffix", ["m4a", "flac"])
def test_an_attached_picture_in_another_container(suffix: str, tmp_path: Path, cage: Cage) -> None:
    picture = cover_of(with_picture(tmp_path, coloured(tmp_path / "red.png", "red"), suffix), None, cage)
    assert picture is not None
    assert is_red(picture)


@pytest.mark.parametrize(
    ("size", "scaled"),
    [
        ("2800x1400", (1400, 700)),
        ("1000x4000", (350, 1400)),
        ("1400x1400", (1400, 1400)),
        ("2x2", (2, 2)),
        ("1x1", (1, 1)),
        ("6000x3", (1400, 1)),
    ],
)
def test_sizes(size: str, scaled: tuple[int, int], tmp_path: Path, cage: Cage) -> None:
    """A picture is scaled down, never up, and keeps its aspect ratio."""
    picture = cover_of(with_picture(tmp_path, coloured(tmp_path / "red.png", "red", size)), None, cage)
    assert picture is not None
    assert picture.size == scaled


def test_no_cover(bare: Path, tmp_path: Path, cage: Cage) -> None:
    assert cover_of(with_picture(tmp_path, coloured(tmp_path / "red.png", "red")), "none", cage) is None
    assert cover_of(bare, None, cage) is None
    assert cover_of(bare, 1.0, cage) is None
    video = made(tmp_path / "video.mp4", *pictures(), *tone())
    assert cover_of(video, None, cage) is None
    assert cover_of(video, 1000.0, cage) is None


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_a_frame_of_the_video(suffix: str, tmp_path: Path, cage: Cage) -> None:
    """The time of the frame is relative to the file's first time stamp."""
    half = "color=blue:size=160x90:rate=25:duration=2[a];color=red:size=160x90:rate=25:duration=2[b];[a][b]concat[out0]"
    source = made(tmp_path / f"in.{suffix}", "-f", "lavfi", "-i", half, *tone(4), "-g", "12", "-bf", "0")
    assert [is_red(cover_of(source, at, cage)) for at in (0.0, 1.8, 2.2, 3.5)] == [False, False, True, True]  # type: ignore[arg-type]


def test_non_square_pixels(tmp_path: Path, cage: Cage) -> None:
    words = [*pictures(1, "720x576"), *tone(), "-vf", "setsar=64/45", "-c:v", "mpeg4"]
    picture = cover_of(made(tmp_path / "in.mkv", *words), 0.5, cage)
    assert picture is not None
    assert picture.width / picture.height == pytest.approx(16 / 9, abs=0.01)


def test_a_rotated_video(tmp_path: Path, cage: Cage) -> None:
    """A video that was filmed upright is upright on the cover."""
    lying = made(tmp_path / "lying.mov", *pictures(1, "1920x1080"), *tone(), "-c:v", "mpeg4")
    upright = made(tmp_path / "upright.mov", "-display_rotation", "90", "-i", str(lying), "-c", "copy")
    picture = cover_of(upright, 0.5, cage)
    assert picture is not None
    assert picture.width < picture.height == 1400


@pytest.mark.attack("B22")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        JPEG,
        png(16, 16)[:60],
        b"GIF89a" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    ],
)
def test_invalid_pictures(data: bytes, bare: Path, cage: Cage) -> None:
    """A broken picture only costs the cover."""
    source = with_data(bare, data)
    assert cover_of(source, None, cage) is None
    assert [track.number for track in probe.look(source, cage).tracks] == [1]


@pytest.mark.attack("B22")
def test_a_picture_that_claims_to_be_huge(bare: Path, cage: Cage) -> None:
    """A picture of a gigabyte in a few kilobytes is not decoded."""
    data = bytearray(png(16, 16))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    began = time.monotonic()
    assert cover_of(with_data(bare, bytes(data)), None, cage) is None
    assert cover_of(with_data(bare, png(9000, 5000)), None, cage) is None
    assert time.monotonic() - began < 30


def test_a_slow_picture(bare: Path, cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cover has its own time limit; the conversion continues without it."""
    source = with_data(bare, png(6300, 6300, slow=True))
    media = probe.look(source, cage)
    assert cover.take(source, media, None, cage) is not None
    monkeypatch.setattr(cover, "_MOST_SECONDS", 1)
    assert cover.take(source, media, None, cage) is None


def test_a_picture_that_cannot_be_made_small_enough(bare: Path, cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    source = with_data(bare, png(100, 100))
    media = probe.look(source, cage)
    assert cover.take(source, media, None, cage) is not None
    monkeypatch.setattr(cover, "_MOST_BYTES", 200)
    assert cover.take(source, media, None, cage) is None


def test_the_largest_covers_fit(tmp_path: Path, cage: Cage) -> None:
    """Even noise of the largest size makes a cover within its limit."""
    noise = made(
        tmp_path / "noise.png", "-f", "lavfi", "-i", "nullsrc=s=1400x1400,geq=random(1)*255:128:128", "-frames:v", "1"
    )
    picture = cover_of(with_picture(tmp_path, noise), None, cage)
    assert picture is not None
    assert picture.size == (1400, 1400)


def test_the_deadline_applies_to_covers(bare: Path, tmp_path: Path, cage: Cage) -> None:
    source = with_data(bare, png(100, 100))
    media = probe.look(source, cage)
    late = tmp_path / "late"
    late.mkdir()
    with Cage(late, Watch(time.monotonic())) as over, pytest.raises(Failure) as failure:
        cover.take(source, media, None, over)
    assert failure.value.kind is errors.CONVERT_TIMED_OUT

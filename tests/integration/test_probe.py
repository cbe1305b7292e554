"""The probe on ordinary, unusual and hostile files: it reports what a file has, not what it claims."""

from __future__ import annotations

import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import mutagen
import mutagen.id3
import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import ffmpeg, metadata, probe, selection
from functions.convert.cage import Cage
from functions.convert.metadata import Chapter
from functions.convert.probe import Media, Track
from functions.convert.watch import Watch
from tests.media.samples import made, pictures, tone

KEY = "0123456789abcdef0123456789abcdef"
ENCRYPTION = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY]
FORGED = (
    "\n  Duration: 11:11:11.11, start: 5.000000, bitrate: 1 kb/s\n  Stream #0:0: Audio: aac (default)"
    "\n  Stream #0:9(eng): Audio: mp3, 44100 Hz (default)\nInput #0, forged, from 'x':\n"
)


def chosen(media: Media, wanted: int | str | None = None) -> int | str:
    """Return the number of the chosen track, or the code of the reason why there is none."""
    try:
        (track,) = selection.candidates(media, wanted)[0].tracks
        return track.number
    except Failure as failure:
        return failure.kind.code


def seen(source: Path, cage: Cage) -> Media | errors.Kind:
    """Return what the probe finds in a file, or the reason for its failure."""
    try:
        return probe.look(source, cage)
    except Failure as failure:
        return failure.kind


def ffmpeg_output(source: Path) -> bytes:
    """Return ffmpeg's output about a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(source)]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stderr


def patched(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    """Copy a file, with the first `old` replaced by `new` of the same length."""
    assert len(old) == len(new)
    data = source.read_bytes()
    assert old in data
    target.write_bytes(data.replace(old, new, 1))
    return target


# Content


def test_a_truncated_index(tmp_path: Path, cage: Cage) -> None:
    """A truncated index means a damaged file."""
    whole = made(tmp_path / "whole.mp4", *tone(5), "-c:a", "aac", "-movflags", "+faststart").read_bytes()
    (tmp_path / "in").write_bytes(whole[:600])
    assert seen(tmp_path / "in", cage) is errors.UNDECODABLE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"ffconcat version 1.0\nfile 'neighbour'\n",
        b"#EXTM3U\n#EXTINF:9,\nneighbour\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 9 RTP/AVP 0\n",
        b"<html>Format mp3 probed with size=1</html>",
        b"file\tsound\nmovie.mp4\tyes\n" * 500,
    ],
    ids=["empty", "zeros", "concat", "playlist", "session description", "page", "table"],
)
def test_files_that_are_not_media(content: bytes, tmp_path: Path, cage: Cage) -> None:
    """A file that is not a media container, or refers to other files, is refused."""
    (tmp_path / "in").write_bytes(content)
    assert seen(tmp_path / "in", cage) is errors.NOT_MEDIA


def test_half_a_file(tmp_path: Path, cage: Cage) -> None:
    """Half a file has no index if that is at the end; otherwise, its tracks are found."""
    for name, flags in (("late", "+write_colr"), ("early", "+faststart")):
        whole = made(tmp_path / f"{name}.mp4", *tone(3), "-c:a", "aac", "-movflags", flags).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    assert seen(tmp_path / "late", cage) is errors.NO_INDEX
    assert chosen(probe.look(tmp_path / "early", cage)) == 1


def test_a_track_without_a_description_counts(tmp_path: Path, cage: Cage) -> None:
    source = made(tmp_path / "whole.mp4", *pictures(), *tone(), "-c:v", "mpeg4", "-c:a", "aac")
    head, _, tail = source.read_bytes().rpartition(b"stsd")
    (tmp_path / "in").write_bytes(head + b"free" + tail)
    media = probe.look(tmp_path / "in", cage)
    assert media.tracks == (Track(stream=1, number=1, default=True),)


def test_times(tmp_path: Path, cage: Cage) -> None:
    """The declared length and start are reported as declared, or not at all."""
    live = made(tmp_path / "live.webm", *tone(2), "-live", "1")
    assert probe.look(live, cage).duration is None
    whole = made(tmp_path / "whole.mkv", *tone(20), "-c:a", "flac").read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    assert probe.look(tmp_path / "half", cage).duration == pytest.approx(20.0, abs=0.05)
    words = ["-output_ts_offset", "9.5", "-muxdelay", "0", "-muxpreload", "0"]
    late = probe.look(made(tmp_path / "late.ts", *tone(2), "-c:a", "mp2", *words), cage)
    assert late.duration == pytest.approx(2.0, abs=0.05)
    assert late.start == pytest.approx(9.5, abs=0.03)


def test_days_long(tmp_path: Path, cage: Cage) -> None:
    source = made(tmp_path / "days.mkv", *tone(1), "-af", "asetpts=PTS+if(gt(N\\,5)\\,950000/TB\\,0)", "-c:a", "mp3")
    duration = probe.look(source, cage).duration
    assert duration is not None
    assert duration > 900_000


@pytest.mark.parametrize(
    "name", ['it\'s "quoted" 😀.mp3', "-dash.mp3", "new\nline.mp3", "100%d.mp3", "a:b=c;d#e\\f.mp3"]
)
def test_unusual_names(name: str, tmp_path: Path, cage: Cage) -> None:
    """The engine does not depend on harmless file names."""
    made(tmp_path / "a.mp3", *tone()).rename(tmp_path / name)
    assert chosen(probe.look(tmp_path / name, cage)) == 1


# Tracks


def many_tracks(target: Path) -> Path:
    languages = [
        "und",
        "ger",
        "deu",
        "en-US",
        "ENG",
        "fra",
        "x",
        "e)n",
        "english",
        "日本",
        "e: Audio: mp3",
        "zh-Hans",
        "e\nn",
    ]
    words = [*tone(0.2), *["-map", "0"] * 30, "-c:a", "mp3", "-disposition:a", "0", "-disposition:a:6", "default"]
    for number, language in enumerate(languages):
        words += [f"-metadata:s:a:{number}", f"language={language}"]
    return made(target, *words)


def test_thirty_tracks(tmp_path: Path, cage: Cage) -> None:
    """Each track has its number, its language if that is valid, and one is the default."""
    media = probe.look(many_tracks(tmp_path / "many.mkv"), cage)
    assert [track.number for track in media.tracks] == list(range(1, 31))
    assert [track.stream for track in media.tracks] == list(range(30))
    told = [track.language for track in media.tracks[:13]]
    assert told == ["", "ger", "deu", "en", "eng", "fra", "", "", "", "", "", "zh", ""]
    assert [track.number for track in media.tracks if track.default] == [7]
    assert chosen(media) == 7
    assert chosen(media, 30) == 30
    assert chosen(media, 31) == "no_such_track"
    assert chosen(media, 0) == "no_such_track"
    assert chosen(media, "ger") == chosen(media, "deu") == chosen(media, "de") == 2
    assert chosen(media, "en") == 4
    assert chosen(media, "fre") == chosen(media, "fr") == 6
    assert chosen(media, "chi") == 12
    assert chosen(media, "sv") == "no_such_track"
    assert chosen(media, "und") == "no_such_track"


def test_the_default_among_tracks_of_a_language(tmp_path: Path, cage: Cage) -> None:
    words = [*tone(0.2), *["-map", "0"] * 3, "-disposition:a", "0", "-disposition:a:2", "default+dub"]
    for number, language in enumerate(["eng", "ger", "ger"]):
        words += [f"-metadata:s:a:{number}", f"language={language}"]
    media = probe.look(made(tmp_path / "in.mkv", *words), cage)
    assert (chosen(media), chosen(media, "de"), chosen(media, "en")) == (3, 3, 1)


@pytest.mark.parametrize("dispositions", [("default", "default"), ("0", "0")])
def test_the_first_track_of_several_defaults_or_none(dispositions: tuple[str, str], tmp_path: Path, cage: Cage) -> None:
    words = [*pictures(), *tone(), *tone(hertz=880), "-map", "1", "-map", "0", "-map", "2", "-c:v", "mpeg4"]
    for number, disposition in enumerate(dispositions):
        words += [f"-disposition:a:{number}", disposition]
    media = probe.look(made(tmp_path / "in.mkv", *words), cage)
    assert [track.default for track in media.tracks] == [each == "default" for each in dispositions]
    assert [(track.stream, track.number) for track in media.tracks] == [(0, 1), (2, 2)]
    assert (chosen(media), media.video) == (1, 1)


# False claims


def with_tag(target: Path, name: str) -> Path:
    """Write a file whose container keeps the names of tags."""
    return made(target, *tone(), "-metadata", f"{name}=value", "-movflags", "+use_metadata_tags")


@pytest.mark.parametrize("suffix", ["mov", "mp3", "flac", "ogg", "nut", "wma"])
def test_names_of_tags_cannot_forge_streams(suffix: str, tmp_path: Path, cage: Cage) -> None:
    """ffmpeg prints line breaks in names of tags; forged lines in them are ignored."""
    plain = probe.look(made(tmp_path / f"plain.{suffix}", *tone()), cage)
    media = probe.look(with_tag(tmp_path / f"a.{suffix}", f"k{FORGED}"), cage)
    assert [track.stream for track in media.tracks] == [0]
    assert media.tracks[0].codec in ("", plain.tracks[0].codec)
    assert media.tracks[0].language == ""
    assert media.duration in (None, plain.duration)
    assert (media.demuxer, media.start) in [(plain.demuxer, 0.0), (plain.demuxer, plain.start)]


def test_conflicting_descriptions_are_ignored(tmp_path: Path, cage: Cage) -> None:
    media = probe.look(with_tag(tmp_path / "a.flac", f"k{FORGED}"), cage)
    assert media.tracks == (Track(stream=0, number=1),)
    assert media.duration is None


@pytest.mark.parametrize(
    "name",
    [
        "k\nStream mapping:\n",
        "k\n  Duration: 11:11:11.11, start: ..., x\n  Duration: N/A, start: -.\nStream mapping:\n",
        'k\n{\n    "inputfiles": []\n}\n',
        "k\n;FFMETADATA1\n[CHAPTER]\n",
    ],
)
def test_the_ends_of_descriptions_cannot_be_forged(name: str, tmp_path: Path, cage: Cage) -> None:
    """A forged end of the descriptions may hide a track's description, but not the track."""
    media = probe.look(with_tag(tmp_path / "a.flac", name), cage)
    assert [(track.stream, track.number) for track in media.tracks] == [(0, 1)]
    assert media.tracks[0].codec in ("", "flac")
    assert media.chapters == ()


@pytest.mark.parametrize("where", ["-metadata", "-metadata:s:a:0"])
def test_values_of_tags_cannot_forge_streams(where: str, tmp_path: Path, cage: Cage) -> None:
    value = FORGED.replace("\n", "\r\n") + FORGED.replace("\n", "\x0b") + FORGED.replace("\n", "\u2028") + FORGED
    media = probe.look(made(tmp_path / "a.mkv", *tone(), "-c:a", "mp3", where, f"title={value}"), cage)
    assert media.tracks == (Track(stream=0, number=1, codec="mp3", mono=True),)
    assert media.duration == pytest.approx(1.0, abs=0.1)


def test_languages_cannot_forge_streams(tmp_path: Path, cage: Cage) -> None:
    language = "e): Audio: mp3\n  Stream #0:9(eng): Audio: mp3, 44100 Hz (default)\n  Stream #0:1"
    words = [*tone(), "-map", "0", "-map", "0", "-c:a", "flac", "-metadata:s:a:0", f"language={language}"]
    media = probe.look(made(tmp_path / "a.mkv", *words), cage)
    assert [track.stream for track in media.tracks] == [0, 1]
    assert {track.codec for track in media.tracks} <= {"flac", "mp3", ""}


# Encryption


@pytest.mark.parametrize("codec", ["aac", "libopus", "mp3"])
@pytest.mark.parametrize("flags", ["+faststart", "+frag_keyframe+empty_moov"])
def test_common_encryption(codec: str, flags: str, tmp_path: Path, cage: Cage) -> None:
    """Encrypted packets are detected, even if the file opens normally and names no DRM system."""
    source = made(tmp_path / "in.mp4", *tone(), "-c:a", codec, *ENCRYPTION, "-movflags", flags)
    assert b"pssh" not in source.read_bytes()
    assert chosen(probe.look(source, cage)) == "encrypted"


def test_encryption_cannot_be_hidden(tmp_path: Path, cage: Cage) -> None:
    """Forged text about the tracks does not prevent the check."""
    words = ["-c:a", "aac", *ENCRYPTION, "-metadata", f"k{FORGED}=value", "-movflags", "+use_metadata_tags"]
    media = probe.look(made(tmp_path / "in.mp4", *tone(), *words), cage)
    assert media.tracks == (Track(stream=0, number=1, encrypted=True),)


def test_a_licence_is_not_encryption(tmp_path: Path, cage: Cage) -> None:
    """A file may carry licence data for its pictures while its sound is not encrypted."""
    plain = made(tmp_path / "plain.mp4", *tone(), "-c:a", "aac", "-metadata", f"comment={'c' * 100}")
    data = plain.read_bytes()
    at = data.index(b"udta") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    licence = struct.pack(">I4sI16sI", size, b"pssh", 0, bytes(range(16)), size - 32) + bytes(size - 32)
    source = patched(plain, tmp_path / "in", data[at : at + size], licence)
    assert b"Encryption initialization data" in ffmpeg_output(source)
    assert chosen(probe.look(source, cage)) == 1


@pytest.mark.parametrize("kind", [b"enca", b"drms", b"aavd"])
def test_protected_sample_entries(kind: bytes, tmp_path: Path, cage: Cage) -> None:
    """FairPlay, Audible, and common encryption that does not name the original format."""
    source = made(tmp_path / "plain.mp4", *tone(), "-c:a", "aac")
    media = probe.look(patched(source, tmp_path / "in", b"mp4a", kind), cage)
    assert chosen(media) == "encrypted"


@pytest.mark.parametrize("system", ["2211B3FB-BD23-11D2-B4B7-00A0C955FC6E", "298AE614-2622-4C17-B935-DAE07EE9289C"])
def test_windows_media_rights(system: str, tmp_path: Path, cage: Cage) -> None:
    """An ASF header with a content encryption object applies to the whole file."""
    data = made(tmp_path / "plain.asf", *tone(), "-c:a", "wmav2").read_bytes()
    size, count = struct.unpack("<QI", data[16:28])
    added = uuid.UUID(system).bytes_le + struct.pack("<Q", 24 + 40) + bytes(40)
    header = data[:16] + struct.pack("<QI", size + len(added), count + 1) + data[28:size] + added
    (tmp_path / "in").write_bytes(header + data[size:])
    assert chosen(probe.look(tmp_path / "in", cage)) == "encrypted"


def test_matroska_encryption(tmp_path: Path, cage: Cage) -> None:
    """A track with encryption in its content encodings is encrypted, the other one is not."""
    name = "n" * 100
    words = [*tone(), "-map", "0", "-map", "0", "-c:a", "flac", "-metadata:s:a:0", f"title={name}"]
    plain = made(tmp_path / "plain.mkv", *words)
    assert [track.encrypted for track in probe.look(plain, cage).tracks] == [False, False]
    old = b"\x53\x6e" + bytes([0x80 | len(name)]) + name.encode()
    locked = patched(plain, tmp_path / "in", old, content_encodings(len(old)))
    media = probe.look(locked, cage)
    assert [track.encrypted for track in media.tracks] == [True, False]
    assert (chosen(media), chosen(media, 2)) == ("encrypted", 2)


def content_encodings(length: int) -> bytes:
    """Return Matroska's content encodings with an encryption, of this many bytes."""

    def element(identifier: str, data: bytes) -> bytes:
        return bytes.fromhex(identifier) + bytes([0x80 | len(data)]) + data

    def whole(key: bytes) -> bytes:
        encryption = element("47e1", b"\x05") + element("47e2", key)
        parts = element("5031", b"\0") + element("5032", b"\1") + element("5033", b"\1") + element("5035", encryption)
        return element("6d80", element("6240", parts))

    return whole(b"k" * (length - len(whole(b""))))


# Tags

ODD = "A = B ; C # D \\ E [CHAPTER] \"double\" 'single' 😀 é 日本語 %s $(id)"


@pytest.mark.parametrize(
    "suffix", ["mp3", "m4a", "mkv", "webm", "flac", "ogg", "opus", "wav", "avi", "mov", "wma", "nut"]
)
def test_tags_of_every_container(suffix: str, tmp_path: Path, cage: Cage) -> None:
    words = ["-metadata", f"title={ODD}", "-metadata", "artist=Someone", "-metadata", "comment=title=forged"]
    tags = probe.look(made(tmp_path / f"in.{suffix}", *tone(), *words), cage).tags
    assert tags == {"title": ODD, "artist": "Someone", "comment": "title=forged"}


def test_all_four_tags(tmp_path: Path, cage: Cage) -> None:
    given = {"title": "T", "artist": "A", "album": "L", "date": "2008-05-01"}
    words = [word for name, value in given.items() for word in ("-metadata", f"{name.upper()}={value}")]
    assert probe.look(made(tmp_path / "in.mkv", *tone(), *words), cage).tags == given


EVERY = {
    "title": "Tön",
    "artist": "A",
    "album": "L",
    "date": "2008",
    "genre": "Rock",
    "composer": "C",
    "track": "3",
    "comment": "Wörds",
}


def vorbis_comments(path: Path) -> None:
    names = {"track": "TRACKNUMBER", "comment": "DESCRIPTION"}
    tagged: Any = mutagen.File(path)
    tagged.update({names.get(name, name.upper()): [value] for name, value in EVERY.items()})
    tagged.save()


def itunes_atoms(path: Path) -> None:
    names = {
        "title": "\xa9nam",
        "artist": "\xa9ART",
        "album": "\xa9alb",
        "date": "\xa9day",
        "genre": "\xa9gen",
        "composer": "\xa9wrt",
        "comment": "\xa9cmt",
    }
    tagged: Any = mutagen.File(path)
    tagged.update({atom: [EVERY[name]] for name, atom in names.items()} | {"trkn": [(3, 0)]})
    tagged.save()


def id3v1(path: Path) -> None:
    """ID3v1.1 has no composer: 30 bytes for each text, a number in the comment, and numbered genres."""
    texts = [EVERY[name].encode("latin-1").ljust(30, b"\0") for name in ("title", "artist", "album")]
    comment = EVERY["comment"].encode("latin-1").ljust(29, b"\0") + bytes([int(EVERY["track"])])
    with path.open("ab") as file:
        file.write(b"TAG" + b"".join(texts) + EVERY["date"].encode() + comment + bytes([17]))


@pytest.mark.parametrize(
    ("name", "write", "missing"),
    [
        ("in.flac", vorbis_comments, ()),
        ("in.ogg", vorbis_comments, ()),
        ("in.opus", vorbis_comments, ()),
        ("in.m4a", itunes_atoms, ()),
        ("in.mp3", id3v1, ("composer",)),
    ],
    ids=["FLAC", "Ogg Vorbis", "Opus", "iTunes", "ID3v1"],
)
def test_every_tag(
    name: str, write: Callable[[Path], None], missing: Sequence[str], tmp_path: Path, cage: Cage
) -> None:
    words = ["-id3v2_version", "0", "-map_metadata", "-1"] if name.endswith("mp3") else []
    source = made(tmp_path / name, *tone(), *words)
    write(source)
    expected = {name: value for name, value in EVERY.items() if name not in missing}
    assert probe.look(source, cage).tags == expected


@pytest.mark.parametrize(
    ("words", "missing"),
    # What ffmpeg does not write there.
    [([], {"track", "composer"}), (["-movflags", "use_metadata_tags"], {"track"})],
    ids=["user data", "keys"],
)
def test_every_tag_of_quicktime(words: list[str], missing: set[str], tmp_path: Path, cage: Cage) -> None:
    """Atoms of user data begin with a copyright sign; keys have names."""
    expected = {name: value for name, value in EVERY.items() if name not in missing}
    given = [word for name, value in expected.items() for word in ("-metadata", f"{name}={value}")]
    assert probe.look(made(tmp_path / "in.mov", *tone(), *given, *words), cage).tags == expected


@pytest.mark.attack("B22")
@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("one\ntitle=two\n[CHAPTER]\n;x", "one title=two [CHAPTER] ;x"),
        ("ends with a backslash\\", "ends with a backslash\\"),
        ("\\\n\\n\\\\", "\\ \\n\\\\"),
        ("a\x01\x08\x1b[31mb\x7f\x85c\u2028d", "a [31mb c d"),
        ("\u202egpj.exe\u2066x\ufeff", "gpj.exex"),
        ("\u200f \u200e", None),
        ("   ", None),
        ("x" * 100_000, "x" * 300),
        ("\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f469\u200d\U0001f467"),
    ],
    ids=["lines", "backslash", "backslashes", "controls", "directions", "only directions", "spaces", "long", "emoji"],
)
def test_tags_are_cleaned_and_bounded(value: str, cleaned: str | None, tmp_path: Path, cage: Cage) -> None:
    tag = mutagen.id3.ID3()
    tag.add(mutagen.id3.TIT2(encoding=3, text=[value]))
    source = made(tmp_path / "in.mp3", *tone(), "-id3v2_version", "0")
    tag.save(source)
    assert probe.look(source, cage).tags.get("title") == cleaned


@pytest.mark.parametrize(
    ("raw", "read"),
    [("Café".encode("latin-1"), "Café"), ("Café".encode(), "Café"), (b"\xff\xfe\x80abc", "ÿþ abc")],
    ids=["latin 1", "UTF-8", "neither"],
)
def test_encodings(raw: bytes, read: str, tmp_path: Path, cage: Cage) -> None:
    """Text of unknown encoding in a WAV file is read as UTF-8 if valid, else as Latin-1."""
    source = made(tmp_path / "a.wav", *tone(), "-metadata", f"title={'#' * len(raw)}")
    media = probe.look(patched(source, tmp_path / "in", b"#" * len(raw), raw), cage)
    assert media.tags == {"title": read}


@pytest.mark.attack("B22")
def test_a_large_tag(tmp_path: Path, cage: Cage) -> None:
    """Long lyrics are skipped."""
    source = made(tmp_path / "in.mp3", *tone(), "-metadata", "title=T")
    tag = mutagen.id3.ID3(source)
    tag.add(mutagen.id3.USLT(encoding=3, lang="eng", desc="", text="la la\n" * 50_000))
    tag.save(source)
    assert probe.look(source, cage).tags == {"title": "T"}


# Chapters


def with_chapters(folder: Path, suffix: str, chapters: list[tuple[int, int, str]], seconds: float = 3) -> Path:
    """Write a file with chapters; their times are in milliseconds."""
    text = ";FFMETADATA1\n" + "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={title}\n" for start, end, title in chapters
    )
    (folder / "chapters.txt").write_text(text)
    words = [*tone(seconds), "-i", str(folder / "chapters.txt"), "-map", "0", "-map_chapters", "1"]
    return made(folder / f"in.{suffix}", *words)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "m4a", "mp3", "webm", "mka", "mov"])
def test_chapters_of_every_container(suffix: str, tmp_path: Path, cage: Cage) -> None:
    source = with_chapters(tmp_path, suffix, [(0, 1000, "One \\= 1"), (1000, 2500, "Zwei 😀"), (2500, 3000, "3")])
    media = probe.look(source, cage)
    assert [chapter.title for chapter in media.chapters] == ["One = 1", "Zwei 😀", "3"]
    assert [chapter.start for chapter in media.chapters] == pytest.approx([0.0, 1.0, 2.5], abs=0.001)
    assert [chapter.end for chapter in media.chapters] == pytest.approx([1.0, 2.5, 3.0], abs=0.02)
    assert len(media.tracks) == 1


def test_unusual_chapters(tmp_path: Path, cage: Cage) -> None:
    """Chapters may overlap, have no length, or lie beyond the end."""
    odd = [(0, 1500, "a"), (500, 1000, "within"), (2000, 2000, "no length"), (2500, 99_999_000, "beyond")]
    media = probe.look(with_chapters(tmp_path, "mkv", odd), cage)
    assert media.chapters[:3] == (Chapter(0.0, 1.5, "a"), Chapter(0.5, 1.0, "within"), Chapter(2.0, 2.5, "no length"))
    (beyond,) = media.chapters[3:]
    assert (beyond.start, beyond.title) == (2.5, "beyond")
    assert beyond.end == pytest.approx(99_999.0)


@pytest.mark.attack("B14")
def test_too_many_chapters(tmp_path: Path, cage: Cage) -> None:
    many = [(number * 10, number * 10 + 10, f"chapter {number}") for number in range(300)]
    media = probe.look(with_chapters(tmp_path, "mkv", many), cage)
    assert len(media.chapters) == 255
    assert media.chapters[254].title == "chapter 254"


def test_chapters_are_relative_to_the_first_time_stamp(tmp_path: Path, cage: Cage) -> None:
    """Time stamps that start late move the chapters too."""
    plain = with_chapters(tmp_path, "mka", [(5000, 6000, "first"), (6000, 8000, "second")])
    late = made(
        tmp_path / "late.mka", "-itsoffset", "5", "-i", str(plain), "-c", "copy", "-copyts", "-map_chapters", "0"
    )
    media = probe.look(late, cage)
    assert media.start == pytest.approx(5.0, abs=0.01)
    assert [chapter.title for chapter in media.chapters] == ["first", "second"]
    assert [chapter.end - chapter.start for chapter in media.chapters] == pytest.approx([1.0, 2.0])


def test_invalid_chapters() -> None:
    """A chapter that ffmpeg would not write is ignored."""
    _, chapters = metadata.read(
        b";FFMETADATA1\ntitle=x\n[CHAPTER]\nTIMEBASE=1/0\nSTART=0\nEND=1\n[CHAPTER]\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=-5000\n"
        b"END=-9223372036854775808\ntitle=early\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=nan\nEND=1\n[CHAPTER]\n"
        b"TIMEBASE=1/1000\nSTART=2000\nEND=1000\n[CHAPTER]\nTIMEBASE=1/2\nSTART=0\nEND=1\n[STREAM]\ntitle=y\n\\"
    )
    assert chapters == (Chapter(-5.0, 0.0, "early"), Chapter(0.0, 0.5, ""), Chapter(2.0, float("inf"), ""))


# Pictures


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "flac", "mkv", "ogg"])
def test_an_attached_picture_is_not_a_video(suffix: str, tmp_path: Path, cage: Cage) -> None:
    source = attached(tmp_path, suffix)
    media = probe.look(source, cage)
    assert media.picture is not None
    assert media.video is None
    assert len(media.tracks) == 1


def attached(folder: Path, suffix: str, size: str = "640x480") -> Path:
    """Write a sound file with an attached picture."""
    picture = made(folder / "cover.jpg", *pictures(0.1, size), "-frames:v", "1")
    if suffix == "mkv":
        words = ["-attach", str(picture), "-metadata:s:t", "mimetype=image/jpeg", "-metadata:s:t", "filename=cover.jpg"]
        return made(folder / "in.mkv", *tone(), *words)
    if suffix == "ogg":
        return flac_with_picture(folder, picture)
    words = ["-i", str(picture), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    return made(folder / f"in.{suffix}", *tone(), *words)


def flac_with_picture(folder: Path, picture: Path) -> Path:
    import base64

    from mutagen.flac import Picture
    from mutagen.oggvorbis import OggVorbis

    source = made(folder / "in.ogg", *tone())
    block = Picture()
    block.type, block.mime, block.data = 3, "image/jpeg", picture.read_bytes()
    file = OggVorbis(source)
    file["metadata_block_picture"] = [base64.b64encode(block.write()).decode()]
    file.save()
    return source


def test_a_picture_beside_a_video(tmp_path: Path, cage: Cage) -> None:
    picture = made(tmp_path / "cover.png", *pictures(0.1), "-frames:v", "1")
    words = [*pictures(), *tone(), "-i", str(picture), "-map", "2", "-map", "0", "-map", "1"]
    words += ["-c:v:0", "copy", "-disposition:v:0", "attached_pic", "-c:v:1", "libx264"]
    media = probe.look(made(tmp_path / "in.mp4", *words), cage)
    assert media.picture is not None
    assert media.video is not None
    assert media.picture != media.video


def test_the_deadline_applies(tmp_path: Path) -> None:
    made(tmp_path / "in.mp4", *tone()).rename(tmp_path / "in")
    with Cage(tmp_path, Watch(time.monotonic())) as cage, pytest.raises(Failure) as failure:
        probe.look(tmp_path / "in", cage)
    assert failure.value.kind is errors.CONVERT_TIMED_OUT


def test_a_missing_ffmpeg_is_not_blamed_on_the_file(
    tmp_path: Path, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing ffmpeg does not make a video invalid."""
    source = made(tmp_path / "in.mp4", *tone())
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: "/nonexistent/ffmpeg")
    ffmpeg._program.cache_clear()
    try:
        with pytest.raises(RuntimeError, match="not found"):
            probe.look(source, cage)
    finally:
        ffmpeg._program.cache_clear()

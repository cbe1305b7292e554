"""The probe on real files, odd ones and hostile ones: it sees what is there, and nothing that is only claimed."""

from __future__ import annotations

import csv
import shutil
import struct
import subprocess
import time
import uuid
from pathlib import Path

import imageio_ffmpeg
import mutagen.id3
import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import ffmpeg, metadata, probe
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
    """Return the number of the track that is chosen, or the code of the reason why there is none."""
    try:
        return probe.choose(media, wanted).number
    except Failure as failure:
        return failure.kind.code


def seen(source: Path, cage: Cage) -> Media | errors.Kind:
    """Return what is seen in a file, or the reason why nothing is."""
    try:
        return probe.look(source, cage)
    except Failure as failure:
        return failure.kind


def words_of_ffmpeg(source: Path) -> bytes:
    """Return what ffmpeg says of a file to people."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(source)]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stderr


def patched(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    """Copy a file with the first `old` in it replaced by `new`, which is as long."""
    assert len(old) == len(new)
    data = source.read_bytes()
    assert old in data
    target.write_bytes(data.replace(old, new, 1))
    return target


# What is there


def test_corpus(shared: Path, cage: Cage) -> None:
    """Of every real file, the probe tells the container, and the sound tracks or why there are none."""
    with (shared / "corpus" / "INDEX.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert len(rows) > 50
    for row in rows:
        name = row["file"]
        media = seen(shared / "corpus" / name, cage)
        if isinstance(media, errors.Kind):
            assert row["has_audio"] == "corrupt", name
            assert media in (errors.UNDECODABLE, errors.ENCRYPTED, errors.NOT_MEDIA), name
            continue
        if row["container"]:
            assert media.demuxer == row["container"], name
        if row["has_audio"] == "yes":
            assert len(media.tracks) == len(row["audio_codecs"].split(",")), name
            assert isinstance(chosen(media), int), name
        if row["has_audio"] == "no":
            assert chosen(media) == "no_audio", name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file-type__fixture-moov.mov", errors.UNDECODABLE),
        ("mp4parse__chunk_out_of_range.mp4", errors.UNDECODABLE),
        ("media__sample_fragmented_clearkey.mp4", errors.ENCRYPTED),
        ("patt__eicar.txt", errors.NOT_MEDIA),
        ("INDEX.tsv", errors.NOT_MEDIA),
    ],
)
def test_what_cannot_be_opened(name: str, reason: errors.Kind, shared: Path, cage: Cage) -> None:
    assert seen(shared / "corpus" / name, cage) is reason


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"ffconcat version 1.0\nfile 'neighbour'\n",
        b"#EXTM3U\n#EXTINF:9,\nneighbour\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 9 RTP/AVP 0\n",
        b"<html>Format mp3 probed with size=1</html>",
    ],
    ids=["empty", "zeros", "concat", "playlist", "session description", "page"],
)
def test_what_is_no_media(content: bytes, tmp_path: Path, cage: Cage) -> None:
    """What is no container of sound or pictures, or names other files, is refused as such."""
    (tmp_path / "in").write_bytes(content)
    assert seen(tmp_path / "in", cage) is errors.NOT_MEDIA


def test_half_a_file(tmp_path: Path, cage: Cage) -> None:
    """What was cut in half is damaged where its index stands at the end, and half a file else."""
    for name, flags in (("late", "+write_colr"), ("early", "+faststart")):
        whole = made(tmp_path / f"{name}.mp4", *tone(3), "-c:a", "aac", "-movflags", flags).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    assert seen(tmp_path / "late", cage) is errors.UNDECODABLE
    assert chosen(probe.look(tmp_path / "early", cage)) == 1


def test_a_sound_track_of_an_unknown_codec_is_one(shared: Path, cage: Cage) -> None:
    media = probe.look(shared / "corpus" / "media__sample_missing_stsd.mp4", cage)
    assert media.tracks == (Track(stream=1, number=1, default=True),)


def test_times(shared: Path, cage: Cage) -> None:
    """Declared length and start are told as they are declared, or not at all."""
    corpus = shared / "corpus"
    assert probe.look(corpus / "moviepy__no_duration.webm", cage).duration is None
    truncated = probe.look(corpus / "file-type__fixture2.mkv", cage)
    assert truncated.duration == pytest.approx(1132.05, abs=0.02)
    late = probe.look(corpus / "mux.js__sintel-captions.ts", cage)
    assert (late.duration, late.start) == (pytest.approx(10.12, abs=0.02), pytest.approx(9.881, abs=0.001))


def test_days_long(tmp_path: Path, cage: Cage) -> None:
    source = made(tmp_path / "days.mkv", *tone(1), "-af", "asetpts=PTS+if(gt(N\\,5)\\,950000/TB\\,0)", "-c:a", "mp3")
    duration = probe.look(source, cage).duration
    assert duration is not None
    assert duration > 900_000


@pytest.mark.parametrize(
    "name", ['it\'s "quoted" 😀.mp3', "-dash.mp3", "new\nline.mp3", "100%d.mp3", "a:b=c;d#e\\f.mp3"]
)
def test_odd_names(name: str, tmp_path: Path, cage: Cage) -> None:
    """A name is not ours to choose only in tests, yet none does harm."""
    made(tmp_path / "a.mp3", *tone()).rename(tmp_path / name)
    assert chosen(probe.look(tmp_path / name, cage)) == 1


def test_a_file_that_makes_ffmpeg_talk(shared: Path, cage: Cage) -> None:
    """More warnings than a log holds come before what counts, and do not keep it away."""
    source = shared / "corpus" / "mp4parse__zero_empty_stsc.mp4"
    said = words_of_ffmpeg(source)
    assert said.index(b"Input #0") > 65_536
    media = probe.look(source, cage)
    assert media.tracks == (Track(stream=1, number=1, codec="aac", default=True),)
    assert media.duration == pytest.approx(41.64)


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
    """Each track has its number, its language if it has a sensible one, and one of them is the default."""
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


def test_the_first_of_several_defaults_and_of_none(shared: Path, cage: Cage) -> None:
    media = probe.look(shared / "corpus" / "mediabunny__multiple-aac-tracks.mp4", cage)
    assert all(track.default for track in media.tracks)
    assert chosen(media) == 1
    media = probe.look(shared / "corpus" / "torchcodec__nasa_13013.mp4", cage)
    assert [(track.stream, track.number) for track in media.tracks] == [(1, 1), (4, 2)]
    assert media.video == 0


# What a file only claims


def with_tag(target: Path, name: str) -> Path:
    """Write a file whose container keeps names of tags as they are."""
    return made(target, *tone(), "-metadata", f"{name}=value", "-movflags", "+use_metadata_tags")


@pytest.mark.parametrize("suffix", ["mov", "mp3", "flac", "ogg", "nut", "wma"])
def test_names_of_tags_cannot_forge_streams(suffix: str, tmp_path: Path, cage: Cage) -> None:
    """ffmpeg prints line ends in names of tags as they are; what they pretend to be is not believed."""
    plain = probe.look(made(tmp_path / f"plain.{suffix}", *tone()), cage)
    media = probe.look(with_tag(tmp_path / f"a.{suffix}", f"k{FORGED}"), cage)
    assert [track.stream for track in media.tracks] == [0]
    assert media.tracks[0].codec in ("", plain.tracks[0].codec)
    assert media.tracks[0].language == ""
    assert media.duration in (None, plain.duration)
    assert (media.demuxer, media.start) in [(plain.demuxer, 0.0), (plain.demuxer, plain.start)]


def test_two_opinions_are_none(tmp_path: Path, cage: Cage) -> None:
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
    """A tag that pretends that all is said may hide what is said of a track, but not the track."""
    media = probe.look(with_tag(tmp_path / "a.flac", name), cage)
    assert [(track.stream, track.number) for track in media.tracks] == [(0, 1)]
    assert media.tracks[0].codec in ("", "flac")
    assert media.chapters == ()


@pytest.mark.parametrize("where", ["-metadata", "-metadata:s:a:0"])
def test_values_of_tags_cannot_forge_streams(where: str, tmp_path: Path, cage: Cage) -> None:
    value = FORGED.replace("\n", "\r\n") + FORGED.replace("\n", "\x0b") + FORGED.replace("\n", "\u2028") + FORGED
    media = probe.look(made(tmp_path / "a.mkv", *tone(), "-c:a", "mp3", where, f"title={value}"), cage)
    assert media.tracks == (Track(stream=0, number=1, codec="mp3"),)
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
    """Encrypted packets are seen, though the file opens like any other and says nothing of a system."""
    source = made(tmp_path / "in.mp4", *tone(), "-c:a", codec, *ENCRYPTION, "-movflags", flags)
    assert b"pssh" not in source.read_bytes()
    assert chosen(probe.look(source, cage)) == "encrypted"


def test_encryption_cannot_be_hidden(tmp_path: Path, cage: Cage) -> None:
    """What a text claims of the tracks does not keep them from being looked at."""
    words = ["-c:a", "aac", *ENCRYPTION, "-metadata", f"k{FORGED}=value", "-movflags", "+use_metadata_tags"]
    media = probe.look(made(tmp_path / "in.mp4", *tone(), *words), cage)
    assert media.tracks == (Track(stream=0, number=1, encrypted=True),)


def test_a_licence_is_not_encryption(tmp_path: Path, cage: Cage) -> None:
    """A file may carry what a licence is asked with for its pictures; sound in the clear is no business of that."""
    plain = made(tmp_path / "plain.mp4", *tone(), "-c:a", "aac", "-metadata", f"comment={'c' * 100}")
    data = plain.read_bytes()
    at = data.index(b"udta") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    licence = struct.pack(">I4sI16sI", size, b"pssh", 0, bytes(range(16)), size - 32) + bytes(size - 32)
    source = patched(plain, tmp_path / "in", data[at : at + size], licence)
    assert b"Encryption initialization data" in words_of_ffmpeg(source)
    assert chosen(probe.look(source, cage)) == 1


def test_a_file_that_is_encrypted_in_the_corpus(shared: Path, cage: Cage) -> None:
    media = probe.look(shared / "corpus" / "mp4parse__short-cenc.mp4", cage)
    assert [track.encrypted for track in media.tracks] == [True]
    assert chosen(media) == "encrypted"


@pytest.mark.parametrize("kind", [b"enca", b"drms", b"aavd"])
def test_protected_sample_entries(kind: bytes, shared: Path, tmp_path: Path, cage: Cage) -> None:
    """FairPlay, Audible, and common encryption that does not even say of what."""
    source = shared / "corpus" / "media__bbb_1ch_16kHz_aac.mp4"
    media = probe.look(patched(source, tmp_path / "in", b"mp4a", kind), cage)
    assert chosen(media) == "encrypted"


@pytest.mark.parametrize("system", ["2211B3FB-BD23-11D2-B4B7-00A0C955FC6E", "298AE614-2622-4C17-B935-DAE07EE9289C"])
def test_windows_media_rights(system: str, shared: Path, tmp_path: Path, cage: Cage) -> None:
    """An ASF header with a content encryption object means all of the file."""
    data = (shared / "corpus" / "file-type__fixture.asf").read_bytes()
    size, count = struct.unpack("<QI", data[16:28])
    added = uuid.UUID(system).bytes_le + struct.pack("<Q", 24 + 40) + bytes(40)
    header = data[:16] + struct.pack("<QI", size + len(added), count + 1) + data[28:size] + added
    (tmp_path / "in").write_bytes(header + data[size:])
    assert chosen(probe.look(tmp_path / "in", cage)) == "encrypted"


def test_matroska_encryption(tmp_path: Path, cage: Cage) -> None:
    """A track with an encryption among its content encodings is encrypted, and the other one is not."""
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
    """Return the Matroska element that says of a track that it is encrypted, of that many bytes."""

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
    assert tags == {"title": ODD, "artist": "Someone"}


def test_all_four_tags(tmp_path: Path, cage: Cage) -> None:
    given = {"title": "T", "artist": "A", "album": "L", "date": "2008-05-01"}
    words = [word for name, value in given.items() for word in ("-metadata", f"{name.upper()}={value}")]
    assert probe.look(made(tmp_path / "in.mkv", *tone(), *words), cage).tags == given


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
    """Text of unknown encoding in a WAV file is UTF-8 where it can be, and Latin 1 else."""
    source = made(tmp_path / "a.wav", *tone(), "-metadata", f"title={'#' * len(raw)}")
    media = probe.look(patched(source, tmp_path / "in", b"#" * len(raw), raw), cage)
    assert media.tags == {"title": read}


def test_a_large_tag(tmp_path: Path, cage: Cage) -> None:
    """Long lyrics are passed over."""
    source = made(tmp_path / "in.mp3", *tone(), "-metadata", "title=T")
    tag = mutagen.id3.ID3(source)
    tag.add(mutagen.id3.USLT(encoding=3, lang="eng", desc="", text="la la\n" * 50_000))
    tag.save(source)
    assert probe.look(source, cage).tags == {"title": "T"}


# Chapters


def with_chapters(folder: Path, suffix: str, chapters: list[tuple[int, int, str]], seconds: float = 3) -> Path:
    """Write a file with chapters, whose times are milliseconds."""
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


def test_chapters_of_the_corpus(shared: Path, cage: Cage) -> None:
    media = probe.look(shared / "corpus" / "media__sample_with_chapters.mkv", cage)
    assert media.chapters == (Chapter(0.0, 1.999, "Chapter 1"), Chapter(2.0, pytest.approx(4.999), "Chapter 2"))


def test_odd_chapters(tmp_path: Path, cage: Cage) -> None:
    """Chapters may overlap, be of no length or lie beyond the end."""
    odd = [(0, 1500, "a"), (500, 1000, "within"), (2000, 2000, "no length"), (2500, 99_999_000, "beyond")]
    media = probe.look(with_chapters(tmp_path, "mkv", odd), cage)
    assert media.chapters == (
        Chapter(0.0, 1.5, "a"),
        Chapter(0.5, 1.0, "within"),
        Chapter(2.0, 2.5, "no length"),
        Chapter(2.5, pytest.approx(99_999.0), "beyond"),
    )


def test_too_many_chapters(tmp_path: Path, cage: Cage) -> None:
    many = [(number * 10, number * 10 + 10, f"chapter {number}") for number in range(300)]
    media = probe.look(with_chapters(tmp_path, "mkv", many), cage)
    assert len(media.chapters) == 255
    assert media.chapters[254].title == "chapter 254"


def test_chapters_count_from_the_first_moment(tmp_path: Path, cage: Cage) -> None:
    """Time stamps that begin late move the chapters, too."""
    plain = with_chapters(tmp_path, "mka", [(5000, 6000, "first"), (6000, 8000, "second")])
    late = made(
        tmp_path / "late.mka", "-itsoffset", "5", "-i", str(plain), "-c", "copy", "-copyts", "-map_chapters", "0"
    )
    media = probe.look(late, cage)
    assert media.start == pytest.approx(5.0, abs=0.01)
    assert [chapter.title for chapter in media.chapters] == ["first", "second"]
    assert [chapter.end - chapter.start for chapter in media.chapters] == pytest.approx([1.0, 2.0])


def test_chapters_that_are_none() -> None:
    """What ffmpeg would not write is no chapter, and does no harm."""
    _, chapters = metadata.read(
        b";FFMETADATA1\ntitle=x\n[CHAPTER]\nTIMEBASE=1/0\nSTART=0\nEND=1\n[CHAPTER]\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=-5000\n"
        b"END=-9223372036854775808\ntitle=early\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=nan\nEND=1\n[CHAPTER]\n"
        b"TIMEBASE=1/1000\nSTART=2000\nEND=1000\n[CHAPTER]\nTIMEBASE=1/2\nSTART=0\nEND=1\n[STREAM]\ntitle=y\n\\"
    )
    assert chapters == (Chapter(-5.0, 0.0, "early"), Chapter(0.0, 0.5, ""), Chapter(2.0, float("inf"), ""))


# Pictures


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "flac", "mkv", "ogg"])
def test_an_attached_picture_is_no_video(suffix: str, shared: Path, tmp_path: Path, cage: Cage) -> None:
    source = attached(tmp_path, suffix)
    media = probe.look(source, cage)
    assert media.picture is not None
    assert media.video is None
    assert len(media.tracks) == 1


def attached(folder: Path, suffix: str, size: str = "640x480") -> Path:
    """Write a file of sound with a picture attached to it."""
    picture = made(folder / "cover.jpg", *pictures(0.1, size), "-frames:v", "1")
    if suffix == "mkv":
        words = ["-attach", str(picture), "-metadata:s:t", "mimetype=image/jpeg", "-metadata:s:t", "filename=cover.jpg"]
        return made(folder / "in.mkv", *tone(), *words)
    if suffix == "ogg":
        return with_flac_picture(folder, picture)
    words = ["-i", str(picture), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    return made(folder / f"in.{suffix}", *tone(), *words)


def with_flac_picture(folder: Path, picture: Path) -> Path:
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


def test_the_deadline_holds(shared: Path, tmp_path: Path) -> None:
    shutil.copy(shared / "corpus" / "moviepy__chaplin.mp4", tmp_path / "in")
    with Cage(tmp_path, Watch(time.monotonic())) as cage, pytest.raises(Failure) as failure:
        probe.look(tmp_path / "in", cage)
    assert failure.value.kind is errors.CONVERT_TIMED_OUT


def test_trouble_of_ours_is_not_blamed_on_the_file(shared: Path, cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    """When ffmpeg is not there, the video is not the one that is no media."""
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: "/nonexistent/ffmpeg")
    ffmpeg._program.cache_clear()
    try:
        with pytest.raises(RuntimeError, match="not found"):
            probe.look(shared / "corpus" / "moviepy__chaplin.mp4", cage)
    finally:
        ffmpeg._program.cache_clear()

"""Probe: what an upload holds, as ffmpeg sees it: sound tracks, pictures, tags and chapters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from functions.common import errors
from functions.common.errors import Failure, Kind
from functions.convert import cage as caging
from functions.convert import languages, metadata
from functions.convert.cage import Cage
from functions.convert.metadata import Chapter as Chapter  # a part of Media, for those who read it

# What ffmpeg says goes through the pipe: damaged files make it say more than a log holds before it comes to the point.
_SAID_MOST_BYTES = 2**22
_INTO_ONE_PIPE = ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh")

# The list of streams in JSON, which ffmpeg writes last, is beyond any forging; the text for people before it is not,
# for it prints names of tags and languages as they are, line ends and all. So the list says what there is, and the
# text only adds to a stream what it says of it once.
_LIST = "\n{\n"
_STREAM = re.compile(
    r" {2,4}Stream #0:(?P<index>[0-9]{1,4})(?:\[0x[0-9a-f]{1,16}\])?(?:\((?P<language>[^():]{0,99})\))?: "
    r"(?P<kind>Audio|Video): (?P<codec>[a-z0-9_]{1,40})(?P<rest>.*)"
)
_FLAGS_MOST_CHARACTERS = 400
_FLAGS = re.compile(r"(?: \([a-z ]{1,40}\))*$")
_LOCKED_TAG = re.compile(r" \((?:enca|drms|aavd) / 0x[0-9A-F]{8}\)")  # MP4: common encryption, FairPlay, Audible
_LOCKED_KEY = re.compile(r" {6}enc_key_id {6}: ")  # Matroska: the key that opens the track
_LOCKED_FILE = re.compile(r"\[in#0[^]\n]{0,99}\] (?:Ext )?DRM protected stream detected")  # ASF
_DURATION = re.compile(
    r"  Duration: (?:N/A|([0-9]{2,9}):([0-9]{2}):([0-9]{2}\.[0-9]{2}))(?:, start: (-?[0-9]{1,12}\.[0-9]{6}))?, .*"
)

_ENCRYPTED_PACKETS = 20
_PACKETS_MOST_BYTES = 2**20
_ENCRYPTED_PACKET = re.compile(rb"^([0-9]+),.*, Encryption info,", re.MULTILINE)

_REASON_MOST_BYTES = 2**18
_LOCKED = re.compile(r"^\[in#0[^]\n]{0,99}\] .*(?:encryption info|encrypted|DRM|activation_bytes)", re.MULTILINE)
_QUOTED_CHARACTERS = 300
_UNOPENED = re.compile(r"^Error opening input file", re.MULTILINE)
_RECOGNISED = re.compile(r"^\[in#0[^]\n]{0,99}\] Format \S+ probed with size=", re.MULTILINE)
_REFUSED = re.compile(r"^\[in#0[^]\n]{0,99}\] Format not on whitelist", re.MULTILINE)


@dataclass(frozen=True)
class Track:
    """A sound track: ffmpeg's index of the stream, its number among the sound tracks from 1, and what is said of it."""

    stream: int
    number: int
    codec: str = ""
    language: str = ""
    default: bool = False
    encrypted: bool = False


@dataclass(frozen=True)
class Media:
    """What a file holds; times are in seconds, and none of it is more than what the file declares.

    `picture` is the stream of the attached picture, `video` the first stream of moving ones. `tags` has title, artist,
    album and date where they are known; chapters count from the first moment of the file, whatever its time stamps.
    """

    demuxer: str
    duration: float | None
    start: float
    tracks: tuple[Track, ...]
    picture: int | None
    video: int | None
    tags: dict[str, str]
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class _Stream:
    index: int
    kind: str
    codec: str = ""
    language: str = ""
    flags: frozenset[str] = frozenset()
    locked: bool = False


def look(source: Path, cage: Cage) -> Media:
    """Return what a file holds.

    Raises Failure: NOT_MEDIA when it is no container of sound or pictures, ENCRYPTED when it cannot even be opened for
    that, UNDECODABLE when it is damaged. Raises RuntimeError when ffmpeg cannot even try.
    """
    asked = ["-map_metadata", "-1", "-map_chapters", "-1", "-f", "ffmetadata", "pipe:1"]
    graphs = ["-print_graphs_format", "json", "-print_graphs_file", "pipe:1"]
    listing = cage.start([*_INTO_ONE_PIPE, *_talking("info", *graphs, *caging.opening(source), *asked)])
    # At the same time, for most of it is waiting: what it says about the tags is needed for nearly every file.
    labels = cage.start(_labelling(source))
    outcome = cage.finish(listing, _SAID_MOST_BYTES)
    said = outcome.output.decode(errors="replace")
    listed = said.rfind(_LIST)
    if outcome.code != 0 or listed < 0:
        raise Failure(_reason(source, outcome.code, said, cage))
    file = json.JSONDecoder().raw_decode(said, listed + 1)[0]["inputfiles"][0]
    lines = list(_lines(said))
    known = list(_listed(file["inputstreams"]))
    streams = _told(known, lines)
    duration, start = _times(lines)
    tracks = _tracks(streams, locked=any(_LOCKED_FILE.match(line) for line in said.split("\n")))
    demuxer = file["demuxer_name"]
    if demuxer.startswith("mov,"):
        tracks = _with_encrypted_packets(source, tracks, {each.index for each in known if each.kind == "audio"}, cage)
    if demuxer == "ogg" and tracks:  # has its tags on the streams, not on the file
        labels.kill()
        labels = cage.start(_labelling(source, "-map_metadata", f"0:s:{tracks[0].stream}"))
    tags, chapters = metadata.read(cage.finish(labels, _SAID_MOST_BYTES).output)
    return Media(
        demuxer=demuxer,
        duration=duration,
        start=start,
        tracks=tracks,
        picture=next((each.index for each in streams if "attached pic" in each.flags), None),
        video=next((each.index for each in streams if each.kind == "video" and "attached pic" not in each.flags), None),
        tags=tags,
        # An MP3 starts late by its encoder's delay, which its chapters do not count.
        chapters=chapters if demuxer == "mp3" else _from(start, chapters),
    )


def choose(media: Media, wanted: int | str | None) -> Track:
    """Return the track of that number or language; the default one, else the first, when none is named.

    Raises Failure: NO_AUDIO, NO_SUCH_TRACK, or ENCRYPTED for a track that is.
    """
    if not media.tracks:
        raise Failure(errors.NO_AUDIO)
    fitting = [track for track in media.tracks if _fits(track, wanted)]
    if not fitting:
        raise Failure(errors.NO_SUCH_TRACK)
    chosen = next((track for track in fitting if track.default), fitting[0])
    if chosen.encrypted:
        raise Failure(errors.ENCRYPTED)
    return chosen


def _fits(track: Track, wanted: int | str | None) -> bool:
    if isinstance(wanted, str):
        return bool(track.language) and languages.same(track.language, wanted.lower())
    return wanted in (None, track.number)


def _talking(level: str, *words: str) -> list[str]:
    program, *_ = caging.ffmpeg()
    return [program, "-nostdin", "-hide_banner", "-nostats", "-loglevel", level, *words]


def _lines(said: str) -> Iterator[str]:
    """Yield the lines in which ffmpeg describes the input."""
    inside = False
    for line in said.split("\n"):
        inside = inside or line.startswith("Input #0, ")
        if line.startswith("Stream mapping:"):
            return
        if inside:
            yield line


def _listed(streams: Sequence[dict[str, Any]]) -> Iterator[_Stream]:
    for each in streams:
        yield _Stream(int(each["index"]), each.get("media_type", ""))


def _told(streams: Sequence[_Stream], lines: Sequence[str]) -> list[_Stream]:
    """Add to each stream what the text says of it; nothing, when the text speaks of it twice."""
    places = [(at, found) for at, line in enumerate(lines) if (found := _STREAM.fullmatch(line))]
    ends = [*(at for at, _ in places), len(lines)][1:]
    told: dict[int, list[_Stream]] = {}
    for (at, found), end in zip(places, ends, strict=True):
        one = _described(found, lines[at:end])
        told.setdefault(one.index, []).append(one)
    return [_agreed(each, told.get(each.index, [])) for each in streams]


def _agreed(listed: _Stream, told: Sequence[_Stream]) -> _Stream:
    # A sound track of an unknown codec has no kind in the list.
    return told[0] if len(told) == 1 and listed.kind in (told[0].kind, "") else listed


def _described(found: re.Match[str], lines: Sequence[str]) -> _Stream:
    flags = _FLAGS.search(found["rest"][-_FLAGS_MOST_CHARACTERS:])
    return _Stream(
        index=int(found["index"]),
        kind=found["kind"].lower(),
        codec="" if found["codec"] == "none" else found["codec"],
        language=languages.primary(found["language"] or ""),
        flags=frozenset(re.findall(r"\(([a-z ]+)\)", flags[0] if flags else "")),
        locked=bool(_LOCKED_TAG.search(found["rest"])) or any(map(_LOCKED_KEY.match, lines)),
    )


def _tracks(streams: Sequence[_Stream], *, locked: bool) -> tuple[Track, ...]:
    sound = [each for each in streams if each.kind == "audio"]
    return tuple(
        Track(each.index, number, each.codec, each.language, "default" in each.flags, locked or each.locked)
        for number, each in enumerate(sound, 1)
    )


def _times(lines: Sequence[str]) -> tuple[float | None, float]:
    """Return the declared length and start in seconds; none and 0 when the text has two opinions."""
    told = [found for line in lines if (found := _DURATION.fullmatch(line))]
    if len(told) != 1:
        return None, 0.0
    hours, minutes, seconds, start = told[0].groups()
    length = int(hours) * 3600 + int(minutes) * 60 + float(seconds) if hours else None
    return length, float(start or 0.0)


def _from(start: float, chapters: Sequence[Chapter]) -> tuple[Chapter, ...]:
    return tuple(replace(each, start=each.start - start, end=each.end - start) for each in chapters)


def _labelling(source: Path, *origin: str) -> list[str]:
    """Return the command that prints tags and chapters."""
    return caging.ffmpeg("-copyts", *caging.opening(source), *origin, "-f", "ffmetadata", "pipe:1")


def _with_encrypted_packets(source: Path, tracks: tuple[Track, ...], copied: set[int], cage: Cage) -> tuple[Track, ...]:
    """Mark the tracks that have encrypted packets: an MP4 opens like any other and then decodes to noise.

    `copied` are the streams that ffmpeg knows the codec of; others it does not copy.
    """
    readable = [track for track in tracks if track.stream in copied]
    if not readable:
        return tracks
    chosen = [word for track in readable for word in ("-map", f"0:{track.stream}")]
    some = ["-c", "copy", "-frames:a", str(_ENCRYPTED_PACKETS), "-f", "framecrc", "pipe:1"]
    packets = cage.run(caging.ffmpeg(*caging.opening(source), *chosen, *some), _PACKETS_MOST_BYTES).output
    locked = {readable[int(found[1])].number for found in _ENCRYPTED_PACKET.finditer(packets)}
    return tuple(replace(track, encrypted=track.encrypted or track.number in locked) for track in tracks)


def _reason(source: Path, code: int, said: str, cage: Cage) -> Kind:
    """Tell why a file could not be opened. Raises RuntimeError when that is not the file's doing."""
    if _LOCKED.search(said):
        return errors.ENCRYPTED
    if code < 0:  # it crashed, or said more than anybody wants to know
        return errors.UNDECODABLE
    if not _UNOPENED.search(said):
        raise RuntimeError(f"ffmpeg ended with {code}: {said[-_QUOTED_CHARACTERS:]}")
    detailed = cage.run([*_INTO_ONE_PIPE, *_talking("debug", *caging.opening(source))], _REASON_MOST_BYTES)
    reasons = detailed.output.decode(errors="replace")
    if _RECOGNISED.search(reasons) and not _REFUSED.search(reasons):
        return errors.UNDECODABLE
    return errors.NOT_MEDIA

"""Probe: what an upload holds, as ffmpeg sees it: sound tracks, pictures, tags and chapters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from functions.common import errors
from functions.common.errors import Failure, Kind
from functions.convert import ffmpeg, languages, listing, metadata
from functions.convert.cage import Cage
from functions.convert.listing import Listing
from functions.convert.metadata import Chapter as Chapter  # a part of Media, for those who read it

# What ffmpeg says goes through the pipe: damaged files make it say more than a log holds before it comes to the point.
_SAID_MOST_BYTES = 2**22
_INTO_ONE_PIPE = ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh")

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


def look(source: Path, cage: Cage) -> Media:
    """Return what a file holds.

    Raises Failure: NOT_MEDIA when it is no container of sound or pictures, ENCRYPTED when it cannot even be opened for
    that, UNDECODABLE when it is damaged. Raises RuntimeError when ffmpeg cannot even try.
    """
    asked = ["-map_metadata", "-1", "-map_chapters", "-1", "-f", "ffmetadata", "pipe:1"]
    graphs = ["-print_graphs_format", "json", "-print_graphs_file", "pipe:1"]
    printed = cage.start([*_INTO_ONE_PIPE, *ffmpeg.command(*graphs, *ffmpeg.opening(source), *asked, level="info")])
    # At the same time, for most of it is waiting: what it says about the tags is needed for nearly every file.
    labels = cage.start(_labelling(source))
    outcome = cage.finish(printed, _SAID_MOST_BYTES)
    said = outcome.output.decode(errors="replace")
    listed = listing.read(said) if outcome.code == 0 else None
    if listed is None:
        raise Failure(_reason(source, outcome.code, said, cage))
    demuxer, streams = listed.demuxer, listed.streams
    tracks = _tracks(listed)
    if demuxer.startswith("mov,"):
        tracks = _with_encrypted_packets(source, tracks, listed.copyable, cage)
    if demuxer == "ogg" and tracks:  # has its tags on the streams, not on the file
        labels.kill()
        labels = cage.start(_labelling(source, "-map_metadata", f"0:s:{tracks[0].stream}"))
    tags, chapters = metadata.read(cage.finish(labels, _SAID_MOST_BYTES).output)
    return Media(
        demuxer=demuxer,
        duration=listed.duration,
        start=listed.start,
        tracks=tracks,
        picture=next((each.index for each in streams if "attached pic" in each.flags), None),
        video=next((each.index for each in streams if each.kind == "video" and "attached pic" not in each.flags), None),
        tags=tags,
        # An MP3 starts late by its encoder's delay, which its chapters do not count.
        chapters=chapters if demuxer == "mp3" else _from(listed.start, chapters),
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


def _tracks(listed: Listing) -> tuple[Track, ...]:
    sound = [each for each in listed.streams if each.kind == "audio"]
    return tuple(
        Track(each.index, number, each.codec, each.language, "default" in each.flags, listed.locked or each.locked)
        for number, each in enumerate(sound, 1)
    )


def _from(start: float, chapters: Sequence[Chapter]) -> tuple[Chapter, ...]:
    return tuple(replace(each, start=each.start - start, end=each.end - start) for each in chapters)


def _labelling(source: Path, *origin: str) -> list[str]:
    """Return the command that prints tags and chapters."""
    return ffmpeg.command("-copyts", *ffmpeg.opening(source), *origin, "-f", "ffmetadata", "pipe:1")


def _with_encrypted_packets(
    source: Path, tracks: tuple[Track, ...], copied: frozenset[int], cage: Cage
) -> tuple[Track, ...]:
    """Mark the tracks that have encrypted packets: an MP4 opens like any other and then decodes to noise.

    `copied` are the streams that ffmpeg knows the codec of; others it does not copy.
    """
    readable = [track for track in tracks if track.stream in copied]
    if not readable:
        return tracks
    chosen = [word for track in readable for word in ("-map", f"0:{track.stream}")]
    some = ["-c", "copy", "-frames:a", str(_ENCRYPTED_PACKETS), "-f", "framecrc", "pipe:1"]
    packets = cage.run(ffmpeg.command(*ffmpeg.opening(source), *chosen, *some), _PACKETS_MOST_BYTES).output
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
    detailed = cage.run([*_INTO_ONE_PIPE, *ffmpeg.command(*ffmpeg.opening(source), level="debug")], _REASON_MOST_BYTES)
    reasons = detailed.output.decode(errors="replace")
    if _RECOGNISED.search(reasons) and not _REFUSED.search(reasons):
        return errors.UNDECODABLE
    return errors.NOT_MEDIA

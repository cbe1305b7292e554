"""Probe: what ffmpeg finds in an upload: sound tracks, pictures, tags and chapters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from functions.common import errors
from functions.common.errors import Failure, Kind
from functions.convert import ffmpeg, listing, metadata
from functions.convert.cage import Cage
from functions.convert.filters import UNSTAMPED, Clock
from functions.convert.listing import Listing
from functions.convert.metadata import Chapter as Chapter  # part of Media

# ffmpeg's messages go through the pipe: for damaged files, those before the interesting ones would fill the log.
_MAX_MESSAGE_BYTES = 2**22
_INTO_ONE_PIPE = ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh")

_ASIDE = frozenset({"comment", "lyrics", "karaoke", "hearing impaired", "visual impaired", "descriptions"})
_PROGRESS = re.compile(rb"^out_time_us=([0-9]{1,18})$", re.MULTILINE)
_ENCRYPTED_PACKETS = 20
_PACKETS_MOST_BYTES = 2**20
_ENCRYPTED_PACKET = re.compile(rb"^([0-9]+),.*, Encryption info,", re.MULTILINE)

_REASON_MOST_BYTES = 2**18
_LOCKED = re.compile(r"^\[in#0[^]\n]{0,99}\] .*(?:encryption info|encrypted|DRM|activation_bytes)", re.MULTILINE)
_QUOTED_CHARACTERS = 300
# Containers that store time stamps; those whose length is their last time stamp, wherever the first is; and those
# whose time ffmpeg counts from the beginning of the streams that it reads.
_STAMPED = frozenset({"mov", "matroska", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "nut", "rm"})
_LENGTH_FROM_ZERO = frozenset({"matroska"})
_COUNTED_FROM_TRACK = frozenset({"mpegts", "mpeg", "ogg"})
# Those that declare no length: ffmpeg takes their last time stamp.
_UNDECLARED = frozenset({"mpegts", "mpeg", "ogg"})
_NO_INDEX = re.compile(r"^\[in#0[^]\n]{0,99}\] moov atom not found", re.MULTILINE)
_NO_INIT = re.compile(r"^\[in#0[^]\n]{0,99}\] trun track id unknown", re.MULTILINE)
_UNOPENED = re.compile(r"^Error opening input file", re.MULTILINE)
_RECOGNISED = re.compile(r"^\[in#0[^]\n]{0,99}\] Format \S+ probed with size=", re.MULTILINE)
_REFUSED = re.compile(r"^\[in#0[^]\n]{0,99}\] Format not on whitelist", re.MULTILINE)


@dataclass(frozen=True)
class Track:
    """A sound track: ffmpeg's stream index, its number among the sound tracks from 1, and its declared properties.

    One that is `aside` is not the main dialogue: commentary, or made for people with a disability, or karaoke. `clock`
    tells what the time stamps mean.
    """

    stream: int
    number: int
    codec: str = ""
    language: str = ""
    default: bool = False
    aside: bool = False
    mono: bool = False
    start: float = 0.0
    encrypted: bool = False
    clock: Clock = field(default=UNSTAMPED, compare=False)


@dataclass(frozen=True)
class Media:
    """What a file declares about itself; times are in seconds.

    `picture` is the stream of the attached picture, `video` the first video stream. `tags` has title, artist, album
    and date if known; chapters count from the beginning of the file, even if its time stamps start elsewhere.
    """

    demuxer: str
    duration: float | None
    start: float
    tracks: tuple[Track, ...]
    picture: int | None
    video: int | None
    tags: dict[str, str]
    chapters: tuple[Chapter, ...]

    @property
    def length(self) -> float | None:
        """Return how many seconds the file declares that it lasts."""
        if self.duration is None or not _LENGTH_FROM_ZERO & self._demuxers:
            return self.duration
        return self.duration - max(0.0, min(self.start, self.duration))

    @property
    def declared(self) -> float | None:
        """Return that length if it stands in the file, whatever its time stamps are."""
        return None if _UNDECLARED & self._demuxers else self.length

    def clock(self, track: Track) -> Clock:
        """Return what the time stamps of a track mean."""
        ahead = track.start - self.start if _COUNTED_FROM_TRACK & self._demuxers else 0.0
        return Clock(bool(_STAMPED & self._demuxers), self.length, ahead)

    @property
    def _demuxers(self) -> set[str]:
        return set(self.demuxer.split(","))


def look(source: Path, cage: Cage) -> Media:
    """Return what a file declares about itself.

    Raises Failure: NOT_MEDIA if it is not a container of sound or pictures, ENCRYPTED if encryption keeps it from being
    opened, NO_INDEX or NO_INIT if a part of it is missing, UNDECODABLE if it is damaged. Raises RuntimeError if ffmpeg
    itself fails.
    """
    asked = ["-map_metadata", "-1", "-map_chapters", "-1", "-f", "ffmetadata", "pipe:1"]
    graphs = ["-print_graphs_format", "json", "-print_graphs_file", "pipe:1"]
    printed = cage.start([*_INTO_ONE_PIPE, *ffmpeg.command(*graphs, *ffmpeg.opening(source), *asked, level="info")])
    # Started at the same time, because both mostly wait; nearly every file needs its tags read.
    labels = cage.start(_labelling(source))
    outcome = cage.finish(printed, _MAX_MESSAGE_BYTES)
    messages = outcome.output.decode(errors="replace")
    listed = listing.read(messages) if outcome.code == 0 else None
    if listed is None:
        raise Failure(_reason(source, outcome.code, messages, cage))
    demuxer, streams = listed.demuxer, listed.streams
    tracks = _tracks(listed)
    if demuxer.startswith("mov,"):
        tracks = _with_encrypted_packets(source, tracks, listed.copyable, cage)
    if demuxer == "ogg" and tracks:  # its tags belong to streams, not to the file
        labels.kill()
        labels = cage.start(_labelling(source, "-map_metadata", f"0:s:{tracks[0].stream}"))
    tags, chapters = metadata.read(cage.finish(labels, _MAX_MESSAGE_BYTES).output)
    media = Media(
        demuxer=demuxer,
        duration=listed.duration,
        start=listed.start,
        tracks=tracks,
        picture=next((each.index for each in streams if "attached pic" in each.flags), None),
        video=next((each.index for each in streams if each.kind == "video" and "attached pic" not in each.flags), None),
        tags=tags,
        # An MP3's start is its encoder's delay, which its chapters ignore.
        chapters=chapters if demuxer == "mp3" else _from(listed.start, chapters),
    )
    return replace(media, tracks=tuple(replace(track, clock=media.clock(track)) for track in tracks))


def pictures_last(source: Path, media: Media, cage: Cage) -> float:
    """Return how many seconds the pictures of a file last, 0 if it has none."""
    if media.video is None:
        return 0.0
    words = ["-map", f"0:{media.video}", "-c", "copy", "-progress", "pipe:1", "-f", "null", "-"]
    found = _PROGRESS.findall(cage.run(ffmpeg.command(*ffmpeg.opening(source), *words), _MAX_MESSAGE_BYTES).output)
    return int(found[-1]) / 1e6 if found else 0.0


def _tracks(listed: Listing) -> tuple[Track, ...]:
    sound = [each for each in listed.streams if each.kind == "audio"]
    return tuple(
        Track(
            stream=each.index,
            number=number,
            codec=each.codec,
            language=each.language,
            default="default" in each.flags,
            aside=bool(_ASIDE & each.flags),
            mono=each.mono,
            start=each.start,
            encrypted=listed.locked or each.locked,
        )
        for number, each in enumerate(sound, 1)
    )


def _from(start: float, chapters: Sequence[Chapter]) -> tuple[Chapter, ...]:
    return tuple(replace(each, start=each.start - start, end=each.end - start) for each in chapters)


def _labelling(source: Path, *origin: str) -> list[str]:
    """Return the command that prints tags and chapters."""
    return ffmpeg.command("-copyts", *ffmpeg.opening(source), *origin, "-f", "ffmetadata", "pipe:1")


def _with_encrypted_packets(
    source: Path, tracks: tuple[Track, ...], copyable: frozenset[int], cage: Cage
) -> tuple[Track, ...]:
    """Mark the tracks with encrypted packets: such an MP4 opens like any other and then decodes to noise.

    `copyable` are the streams whose codec ffmpeg knows; it cannot copy others.
    """
    readable = [track for track in tracks if track.stream in copyable]
    if not readable:
        return tracks
    chosen = [word for track in readable for word in ("-map", f"0:{track.stream}")]
    some = ["-c", "copy", "-frames:a", str(_ENCRYPTED_PACKETS), "-f", "framecrc", "pipe:1"]
    packets = cage.run(ffmpeg.command(*ffmpeg.opening(source), *chosen, *some), _PACKETS_MOST_BYTES).output
    locked = {readable[int(found[1])].number for found in _ENCRYPTED_PACKET.finditer(packets)}
    return tuple(replace(track, encrypted=track.encrypted or track.number in locked) for track in tracks)


def _reason(source: Path, code: int, messages: str, cage: Cage) -> Kind:
    """Return why a file could not be opened. Raises RuntimeError if the file is not the cause."""
    if _LOCKED.search(messages):
        return errors.ENCRYPTED
    if code < 0:  # it crashed, or its output was too long
        return errors.UNDECODABLE
    if not _UNOPENED.search(messages):
        raise RuntimeError(f"ffmpeg ended with {code}: {messages[-_QUOTED_CHARACTERS:]}")
    detailed = cage.run([*_INTO_ONE_PIPE, *ffmpeg.command(*ffmpeg.opening(source), level="debug")], _REASON_MOST_BYTES)
    reasons = detailed.output.decode(errors="replace")
    if _NO_INIT.search(reasons):
        return errors.NO_INIT
    if _NO_INDEX.search(reasons):
        return errors.NO_INDEX
    if _RECOGNISED.search(reasons) and not _REFUSED.search(reasons):
        return errors.UNDECODABLE
    return errors.NOT_MEDIA

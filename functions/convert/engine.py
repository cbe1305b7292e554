"""The engine: one video file in, one verified MP3 file out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import mutagen
from mutagen.mp3 import MP3

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import NO_PICTURE, Options, most_bitrate
from functions.common.waveform import Waveform
from functions.convert import copying, cores, cover, joined, loudness, mp3, notes, probe, selection, sound, tags
from functions.convert.cage import Cage
from functions.convert.encoders import Encoders, Pcm
from functions.convert.lame import Settings
from functions.convert.limits import Limits
from functions.convert.metadata import Chapter
from functions.convert.probe import Media, Track
from functions.convert.selection import Selection
from functions.convert.sound import Plan, Replanned
from functions.convert.watch import Watch

_QUALITY = 2
_EFFORT = 3
_MOST_PERCENT = 99.0
# Containers round their length, and sound may end a little before the pictures.
_SHORTER_SECONDS = 1.0
_SHORTER_SHARE = 0.9
_TOLERANCE_SECONDS = 0.1
_CHECK_SECONDS = 0.5


@dataclass(frozen=True)
class Made:
    """A finished MP3: its length in seconds, notes for its owner, the tracks that are not in it, the video's texts,
    its chapters, and where its picture begins and ends.

    Sound that was copied has no waveform, because it was not decoded.
    """

    duration: float
    notes: tuple[str, ...]
    others: tuple[Track, ...] = ()
    waveform: Waveform | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    picture: list[int] | None = None


@dataclass(frozen=True)
class _Result:
    stream: mp3.Stream
    gaps: mp3.Gaps | None
    seconds: float
    waveform: Waveform | None = None
    limited: bool = False
    broken_off: bool = False


def convert(source: Path, target: Path, options: Options, watch: Watch, *, limits: Limits, encoders: int) -> Made:
    """Convert `source`, alone in a private folder, to an MP3 at `target` in the same folder.

    `encoders` is how many may run, 0 for one on each core. Exceptions from `watch` stop the work at once. Raises
    Failure: NO_AUDIO, NO_SUCH_TRACK, NOT_MEDIA, UNDECODABLE, ENCRYPTED, OUT_OF_RANGE, TOO_LONG, MP3_TOO_LARGE or
    CONVERT_TIMED_OUT.
    """
    with Cage(source.parent, watch) as cage, cores.shared(encoders) as lanes:
        media = probe.look(source, cage)
        selections = selection.candidates(media, options.track)
        picture = cover.take(source, media, options.cover, cage)
        works = [_Work(source, media, each, options, limits, cage, lanes) for each in selections]
        with target.open("w+b") as file:
            room = len(works[0].tag(picture, None))
            work, result = _first_that_sounds(works, file, room)
            tag = work.tag(picture, result.seconds, room)
            file.seek(0)
            file.write(tag + result.stream.info_frame(result.gaps))
        cut = work.is_cut(result.seconds)
        more = joined.is_joined(source, media.demuxer, cage, broken_off=result.broken_off)
    _verify(target, result)
    asked = options.cover is not None and options.cover != NO_PICTURE
    others = tuple(track for track in media.tracks if track not in work.selection.tracks)
    said = {
        notes.TRUNCATED_SOURCE: cut,
        notes.JOINED: more,
        notes.LIMITED: result.limited,
        notes.NO_COVER: asked and picture is None,
        notes.OTHER_TRACKS: bool(others),
    }
    told = tuple(note for note, true in said.items() if true)
    texts = {name: media.tags[name] for name in tags.TEXTS if name in media.tags}
    chapters = work.chapters(result.seconds)
    return Made(round(result.seconds, 3), told, others, result.waveform, texts, chapters, tags.picture(tag))


def _first_that_sounds(works: list[_Work], file: BinaryIO, room: int) -> tuple[_Work, _Result]:
    """Return the first selection's work, or a later one's if that cannot be decoded."""
    for work in works[:-1]:
        try:
            return work, work.frames(file, room)
        except Failure as failure:
            if failure.kind is not errors.UNDECODABLE:
                raise
            work.cage.clear()
            file.truncate(0)
    return works[-1], works[-1].frames(file, room)


@dataclass(frozen=True)
class _Work:
    """One conversion: its source, options, limits and programs."""

    source: Path
    media: Media
    selection: Selection
    options: Options
    limits: Limits
    cage: Cage
    lanes: Callable[[], int]

    @property
    def expected(self) -> float | None:
        """Return the length of the MP3 in seconds, if the file's declarations are true."""
        length = self.media.length
        if length is None:
            return None
        end = min(length, self.options.end or length)
        return max(0.0, end - (self.options.start or 0.0)) / (self.options.speed or 1.0)

    def frames(self, file: BinaryIO, room: int) -> _Result:
        """Write a placeholder for the Info frame and all frames, after `room` bytes."""
        first, *others = self.selection.tracks
        if not others and first.codec == copying.CODEC and not self.options.changes_sound:
            try:
                file.seek(room)
                return self._copied(file, first)
            except mp3.NotMp3:
                file.truncate(0)
        file.seek(room)
        return self._encoded(file)

    def tag(self, picture: bytes | None, seconds: float | None, length: int = 0) -> bytes:
        """Return the ID3 tag, padded to `length` if that is not 0."""
        options, source = self.options, self.media.tags
        return tags.encoded(
            title=options.title or source.get("title"),
            artist=options.artist or source.get("artist"),
            album=options.album or source.get("album"),
            date=source.get("date"),
            others={name: source[name] for name in tags.OTHERS if name in source},
            chapters=self.chapters(seconds),
            cover=picture,
            length=length,
        )

    def is_cut(self, seconds: float) -> bool:
        """Tell whether the sound is far shorter than the file declares, and so are its pictures."""
        if self.media.declared is None or not self._falls_short(seconds, self.expected):
            return False
        return self._falls_short(probe.pictures_last(self.source, self.media, self.cage), self.media.declared)

    @staticmethod
    def _falls_short(seconds: float, expected: float | None) -> bool:
        return expected is not None and seconds < min(expected * _SHORTER_SHARE, expected - _SHORTER_SECONDS)

    def chapters(self, seconds: float | None) -> tuple[Chapter, ...]:
        """Return the chapters of the MP3, which lasts so long."""
        start, speed = self.options.start or 0.0, self.options.speed or 1.0
        return tags.shifted(self.media.chapters, start, seconds, speed)

    def _copied(self, file: BinaryIO, track: Track) -> _Result:
        copied = copying.copy(
            self.source,
            track.stream,
            file,
            self.cage,
            clock=track.clock,
            limits=self.limits,
            on_progress=self._progress,
        )
        stream, gaps = copied.stream, copied.gaps
        if self.media.demuxer == copying.CODEC:
            gaps = copying.gaps(self.source)
        silent = (gaps.delay + gaps.padding) / stream.kind.rate if gaps else 0.0
        if silent >= stream.seconds:  # the declared gaps cannot be true
            return _Result(stream, None, stream.seconds)
        return _Result(stream, gaps, stream.seconds - silent)

    def _encoded(self, file: BinaryIO) -> _Result:
        room, plan = file.tell(), sound.USUAL
        while True:
            try:
                return self._encoded_as(file, plan)
            except Replanned as needed:  # at most once for each part of a plan
                plan = needed.plan
                self.cage.clear()
                file.seek(room)
                file.truncate()

    def _encoded_as(self, file: BinaryIO, plan: Plan) -> _Result:
        level = None
        if self.options.normalize is not None:
            settings_at = partial(_settings, self.options)
            level = loudness.find_level(self.source, self.selection, self.options, self.cage, settings_at)
        pcm = sound.start(self.source, self.selection, self.options, self.cage, level, plan)
        settings = _settings(self.options, pcm.rate)
        encoders = Encoders(
            Pcm(pcm.stdout.fileno(), pcm.rate, pcm.channels, pcm.head, round(pcm.late * pcm.rate)),
            settings,
            file,
            self.cage,
            lanes=self.lanes,
            limits=self.limits,
            seconds=self.expected,
        )
        file.write(encoders.stream.info_frame(None))
        size = os.path.getsize(self.source)

        checked = time.monotonic()

        def advanced(seconds: float) -> None:
            nonlocal checked
            if time.monotonic() - checked > _CHECK_SECONDS:
                checked = time.monotonic()
                pcm.check()
            if self.expected:
                self._progress(seconds)
            else:  # no declared length: use the share of the file that was read
                self.cage.watch.beat(min(_MOST_PERCENT, 100 * pcm.consumed() / size))

        encoded = encoders.run(advanced)
        pcm.ended()
        pcm.check(ended=True)
        if not encoded.samples:
            raise Failure(errors.UNDECODABLE)
        seconds = encoded.samples / pcm.rate
        return _Result(encoded.stream, encoded.gaps(), seconds, encoded.waveform, bool(plan.limited), pcm.broke_off())

    def _progress(self, seconds: float) -> None:
        expected = self.expected
        self.cage.watch.beat(min(_MOST_PERCENT, 100 * seconds / expected) if expected else 0.0)


def _settings(options: Options, rate: int) -> Settings:
    bitrate = None if options.bitrate is None else min(options.bitrate, most_bitrate(rate))
    quality = _QUALITY if options.quality is None else options.quality
    return Settings(bitrate, quality, _EFFORT if options.effort is None else options.effort)


def _verify(target: Path, result: _Result) -> None:
    """Raise RuntimeError unless the written file is the expected MP3: exit codes prove nothing."""
    try:
        made: Any = MP3(target).info
    except mutagen.MutagenError as error:
        raise RuntimeError("the MP3 cannot be read") from error
    kind = result.stream.kind
    same = (made.sample_rate, made.channels, made.layer) == (kind.rate, kind.channels, 3)
    whole = os.path.getsize(target) > result.stream.length and abs(made.length - result.seconds) < _TOLERANCE_SECONDS
    if not (same and whole):
        raise RuntimeError("the MP3 is not what was written")

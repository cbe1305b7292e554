"""Copying: sound that is already MP3 is copied frame by frame instead of being encoded again."""

from __future__ import annotations

import os
import selectors
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import BinaryIO

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import ffmpeg, mp3
from functions.convert.cage import Cage
from functions.convert.concealment import Concealment
from functions.convert.filters import Clock
from functions.convert.limits import Limits
from functions.convert.stamps import Stamps, Timeline

CODEC = "mp3"
_READ_BYTES = 2**18
_HEAD_BYTES = 4096
_TAG_HEADER_BYTES = 10
_TAGS_MOST = 8
_FRAMES_AT_ONCE = 1000


@dataclass(frozen=True)
class Copied:
    """Copied frames, and the gaps that their container declares."""

    stream: mp3.Stream
    gaps: mp3.Gaps | None


def copy(
    source: Path,
    stream: int,
    target: BinaryIO,
    cage: Cage,
    *,
    clock: Clock,
    limits: Limits,
    on_progress: Callable[[float], None],
) -> Copied:
    """Write a placeholder for the Info frame, then copy the frames of one stream, with silent ones in its holes.

    Raises NotMp3 if the stream cannot be copied: it has frames of several kinds, or none. Raises Failure: TOO_LONG,
    MP3_TOO_LARGE, CONVERT_TIMED_OUT or UNDECODABLE.
    """
    stamps, into = os.pipe()
    try:
        child = cage.start(_command(source, stream, into if clock.stamped else None), inherited=(into,))
    except BaseException:
        os.close(stamps)
        raise
    finally:
        os.close(into)
    with open(stamps, "rb", buffering=0) as pipe:
        copier = _Copier(Timeline(clock), target, limits)
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ, copier.take)
            selector.register(pipe, selectors.EVENT_READ, copier.stamps.take)
            while selector.get_map():
                for key, _ in cage.wait(selector):
                    data = os.read(key.fd, _READ_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    key.data(data)
                copier.write(ended=not selector.get_map())
                on_progress(copier.seconds)
    # An incomplete frame at the end is dropped.
    code = cage.code(child)
    if copier.stream is None:
        raise mp3.NotMp3
    if code < 0:
        raise Failure(errors.UNDECODABLE)
    return Copied(copier.stream, copier.gaps)


def _command(source: Path, stream: int, stamps: int | None) -> list[str]:
    copied = ["-map", f"0:{stream}", "-c", "copy", "-map_metadata", "-1"]
    frames = ["-write_xing", "0", "-id3v2_version", "0", "-flush_packets", "0", "-f", "mp3", "pipe:1"]
    listed = [] if stamps is None else [*copied, "-f", "framecrc", f"pipe:{stamps}"]
    return ffmpeg.command(*ffmpeg.opening(source), *copied, *frames, *listed)


class _Copier:
    """Write frames, and silent ones before those that are late."""

    def __init__(self, timeline: Timeline, target: BinaryIO, limits: Limits) -> None:
        self.stream: mp3.Stream | None = None
        self.stamps = Stamps()
        self._timeline = timeline
        self._target, self._limits = target, limits
        self._splitter = mp3.Splitter()
        self._frames: deque[bytes] = deque()  # not written yet
        self._position = 0  # bytes of the source's frames that were written
        self._concealment: Concealment | None = None
        self.gaps: mp3.Gaps | None = None  # that the container declares

    @property
    def seconds(self) -> float:
        """Return the length of what was written."""
        return self.stream.seconds if self.stream else 0.0

    def take(self, data: bytes) -> None:
        """Take the stream's next bytes."""
        self._frames += self._splitter.split(data)

    def write(self, *, ended: bool) -> None:
        """Write the frames whose time stamps are known, or all of them at the end."""
        if self.stream is None or self._concealment is None:
            if not self._frames or self._splitter.kind is None:
                return
            self.stream = mp3.Stream(self._splitter.kind, mp3.bitrate_of(self._frames[0]))
            self._concealment = Concealment(self.stream.kind)
            self._target.write(self.stream.info_frame(None))
        frames = self._timely(self.stream.kind, self._concealment, ended=ended)
        while some := list(islice(frames, _FRAMES_AT_ONCE)):
            self._put(some, self.stream)

    def _known(self, ended: bool) -> Iterator[bytes]:
        """Yield the frames whose time stamps are known, and forget them."""
        while self._frames and (ended or not self._timeline.clock.stamped or self.stamps.reach(self._position)):
            frame = self._frames.popleft()
            yield frame
            self._position += len(frame)

    def _timely(self, kind: mp3.Kind, concealment: Concealment, *, ended: bool) -> Iterator[bytes]:
        """Yield the frames whose time stamps are known, with silent ones in holes, or all of them at the end."""
        length = kind.samples / kind.rate
        for frame in self._known(ended):
            stamp = self.stamps.at(self._position)
            if not self._position:
                self._begin(stamp or 0.0, kind.rate)
            silent = round(self._timeline.advance(stamp, length) / length)
            if silent:
                yield from concealment.cut()
                yield from repeat(mp3.silent(frame, kind), silent)
            yield from concealment.take(frame)
        if ended:
            yield from concealment.end()

    def _begin(self, stamp: float, rate: int) -> None:
        """Take what players must skip from the first time stamp: containers declare it by one before zero."""
        delay = round(-stamp * rate) - mp3.DECODER_DELAY
        if 0 <= delay <= mp3.DELAY_MOST:
            self.gaps = mp3.Gaps(delay, 0)
            self._timeline.begin(stamp)

    def _put(self, frames: list[bytes], stream: mp3.Stream) -> None:
        stream.constant &= {mp3.bitrate_of(frame) for frame in frames} == {stream.bitrate}
        whole = b"".join(frames)
        self._target.write(whole)
        stream.add(whole, array("I", map(len, frames)))
        self._limits.check_seconds(stream.seconds)
        self._limits.check_length(stream.length)


def gaps(source: Path) -> mp3.Gaps | None:
    """Return the gaps that an MP3 file declares in the Info frame after its ID3 tags."""
    with source.open("rb") as file:
        for _ in range(_TAGS_MOST):
            head = file.read(_HEAD_BYTES)
            if not head.startswith(b"ID3") or len(head) < _TAG_HEADER_BYTES:
                return mp3.gaps_of(head)
            # ID3v2.4 section 3.1: seven bits a byte; a footer repeats the header.
            size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            footer = _TAG_HEADER_BYTES if head[5] & 0x10 else 0
            file.seek(_TAG_HEADER_BYTES + size + footer - len(head), os.SEEK_CUR)
    return None

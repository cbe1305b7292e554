"""The encoders: one stream of sound, encoded in segments on several cores and joined into one valid MP3.

LAME uses one core, so the sound is cut at frame boundaries and each segment goes to one of several encoders. With the
bit reservoir off, frames do not depend on each other's bytes, and after a few frames of warm-up an encoder's output no
longer depends on where it started: it is what a single encoder would have made (tests/integration/test_encoders.py
compares the bytes).
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from functions.common import errors
from functions.common.errors import Failure
from functions.common.waveform import Waveform
from functions.convert import cage as cages
from functions.convert import cutting, lame, mp3
from functions.convert.blocks import Blocks
from functions.convert.cage import Cage, Child
from functions.convert.cutting import Cutter
from functions.convert.lame import Settings
from functions.convert.lane import Lane
from functions.convert.limits import Limits
from functions.convert.peaks import Peaks
from functions.convert.segments import Segments
from functions.convert.wav import SAMPLE_BYTES

_AHEAD_ALONE_BYTES = 4 * 2**20
# No encoder drains a pipe faster, and polling the pipes for each packet would take a twentieth of a core.
_PIPE_BYTES_A_SECOND = 2**28


@dataclass(frozen=True)
class Pcm:
    """Sound on a pipe: float samples, little-endian, interleaved; `head` has already been read from it.

    `late` samples of silence come before it.
    """

    pipe: int
    rate: int
    channels: int
    head: bytes = b""
    late: int = 0

    @property
    def sample_bytes(self) -> int:
        """Return the bytes of one sample of every channel."""
        return self.channels * SAMPLE_BYTES


@dataclass(frozen=True)
class Encoded:
    """The result: the frames written, as counted, the number of samples encoded, and their waveform."""

    stream: mp3.Stream
    samples: int
    waveform: Waveform

    def gaps(self) -> mp3.Gaps:
        """Return the samples that LAME added before and after the sound."""
        made = self.stream.frames * self.stream.kind.samples
        return mp3.Gaps(mp3.ENCODER_DELAY, made - mp3.ENCODER_DELAY - self.samples)


class Encoders:
    """Encode one stream of sound with as many encoders as `lanes` returns.

    `seconds` is the probable length of the sound; it only affects where the sound is cut.
    """

    def __init__(
        self,
        pcm: Pcm,
        settings: Settings,
        target: BinaryIO,
        cage: Cage,
        *,
        lanes: Callable[[], int],
        limits: Limits,
        seconds: float | None,
    ) -> None:
        self._pcm, self._settings, self._cage = pcm, settings, cage
        self._allowed, self._limits = lanes, limits
        kind = mp3.kind_of(pcm.rate, pcm.channels)
        self._frame_bytes = kind.samples * pcm.sample_bytes
        self.stream = mp3.Stream(kind, settings.bitrate, settings.scale())
        self._segments = Segments(self.stream, target, limits)
        self._blocks = Blocks(self._frame_bytes)
        expected = None if seconds is None else seconds * pcm.rate * pcm.sample_bytes / self._blocks.size
        self._cutter = Cutter(self._segments, self._blocks, self._start, lanes, expected)
        self._block = self._blocks.new()  # being filled
        self._peaks = Peaks(pcm.rate, pcm.channels)
        self._programs: dict[Lane, Child] = {}
        self._unfinished = 0  # encoders whose output has not ended
        self._selector = selectors.DefaultSelector()
        self._received = 0  # bytes
        self._silence = pcm.late * pcm.sample_bytes  # bytes still to come
        self._head = pcm.head
        self._ended = False
        self._pause = 0.0  # seconds

    def run(self, on_progress: Callable[[float], None]) -> Encoded:
        """Encode to the end; call `on_progress` with the seconds encoded so far.

        No sound makes no frames. Raises Failure: TOO_LONG, MP3_TOO_LARGE, UNDECODABLE or CONVERT_TIMED_OUT.
        """
        kind = self.stream.kind
        with self._selector as selector:
            os.set_blocking(self._pcm.pipe, False)
            while not self._ended or self._unfinished:
                self._take_what_precedes()
                self._listen_where_needed()
                time.sleep(self._pause)
                for key, _ in self._cage.wait(selector):
                    key.data()
                on_progress(self._segments.frames * kind.samples / self._pcm.rate)
        for lane, program in self._programs.items():
            if self._cage.code(program) != 0:
                raise self._cause(program)
            lane.splitter.end()
        self._segments.end()
        samples = self._received // self._pcm.sample_bytes
        if not self._segments.all_written or self.stream.frames * kind.samples < samples:
            raise RuntimeError("frames are missing")
        return Encoded(self.stream, samples, self._peaks.waveform())

    # The sound

    def _take_what_precedes(self) -> None:
        """Take silence, as far as there is room for it, and then what was already read."""
        while self._silence and self._has_room:
            count = min(self._silence, self._blocks.size)
            self._silence -= count
            self._take(bytes(count))
        if self._head and not self._silence:
            head, self._head = self._head, b""
            self._take(head)

    @property
    def _has_room(self) -> bool:
        room = (cutting.AHEAD_BYTES if self._allowed() > 1 else _AHEAD_ALONE_BYTES) + 2 * self._blocks.size
        return self._cutter.waiting <= room

    def _take(self, data: bytes) -> None:
        while data:
            block = self._block
            count = min(len(data), self._blocks.size - block.length)
            block.data[block.length : block.length + count] = data[:count]
            data = data[count:]
            self._grow(count)

    def _receive(self) -> None:
        block = self._block
        try:
            count = os.readv(self._pcm.pipe, [block.data[block.length :]])
        except BlockingIOError:
            return
        if count:
            self._grow(count)
        else:
            self._finish()

    def _grow(self, count: int) -> None:
        """Count bytes added to the block; hand it out if it is full."""
        self._received += count
        self._limits.check_seconds(self._received / (self._pcm.rate * self._pcm.sample_bytes))
        self._block.length += count
        if self._block.length == self._blocks.size:
            self._hand_out()
            self._block = self._blocks.new()

    def _hand_out(self) -> None:
        self._peaks.take(self._block.data[: self._block.length])
        self._cutter.hand_out(self._block)

    def _finish(self) -> None:
        self._selector.unregister(self._pcm.pipe)
        self._ended = True
        # Drop an incomplete sample at the end.
        cut = self._block.length % self._pcm.sample_bytes
        self._block.length -= cut
        self._received -= cut
        if self._block.length:
            self._hand_out()
        for lane in list(self._cutter.lanes):
            self._feed(lane)
        self._cutter.share_the_rest()

    # The pipes of the encoders

    def _start(self) -> Lane:
        program = self._cage.start(lame.command(self._settings, self._pcm.rate, self._pcm.channels), stdin=cages.PIPE)
        lane = Lane(program.stdin, program.stdout, self._frame_bytes)
        self._programs[lane] = program
        self._pause = min(map(cages.widen, (self._pcm.pipe, lane.source))) / _PIPE_BYTES_A_SECOND
        self._unfinished += 1
        self._selector.register(lane.sink, selectors.EVENT_READ, partial(self._read, lane))
        return lane

    def _listen_where_needed(self) -> None:
        """Poll each pipe only while there is something to read or write."""
        if not self._ended:
            self._listen(self._pcm.pipe, selectors.EVENT_READ, self._receive, self._has_room and not self._silence)
        for lane in self._cutter.lanes:
            if not lane.closed:
                self._listen(lane.source, selectors.EVENT_WRITE, partial(self._feed, lane), lane.waiting > 0)

    def _listen(self, pipe: int, event: int, act: Callable[[], None], wanted: bool) -> None:
        listening = pipe in self._selector.get_map()
        if wanted and not listening:
            self._selector.register(pipe, event, act)
        elif listening and not wanted:
            self._selector.unregister(pipe)

    def _feed(self, lane: Lane) -> None:
        try:
            self._blocks.recycle(lane.write())
        except BrokenPipeError:
            raise self._cause(self._programs[lane]) from None
        if self._ended and lane.waiting == 0 and not lane.closed:
            if lane.source in self._selector.get_map():
                self._selector.unregister(lane.source)
            lane.close()
            self._cutter.share_the_rest()

    def _read(self, lane: Lane) -> None:
        if not lane.read():
            self._selector.unregister(lane.sink)
            self._unfinished -= 1
        self._segments.write()

    def _cause(self, program: Child) -> Exception:
        """Return why an encoder failed: samples that LAME refuses are the source's fault, anything else is ours."""
        self._cage.code(program)
        words = program.words()
        return Failure(errors.UNDECODABLE) if lame.REFUSED in words else RuntimeError(f"an encoder failed: {words}")

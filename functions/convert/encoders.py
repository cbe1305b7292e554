"""The encoders: one stream of sound, encoded in segments on several cores, joined into one valid MP3.

LAME works on one core, so the sound is cut where frames begin and each segment goes to one of several encoders. With
the bit reservoir off no frame needs another one's bytes, and after a few frames of warm-up an encoder no longer knows
where it began: what it makes from there on is what one encoder alone would have made (tests/integration/
test_encoders.py compares the bytes).
"""

from __future__ import annotations

import math
import os
import selectors
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import cage as cages
from functions.convert import mp3
from functions.convert.cage import Cage, Child
from functions.convert.wav import SAMPLE_BYTES

# The pattern of padded frames at a constant bitrate repeats after 49 frames at 44.1 kHz and its halves, so that an
# encoder may jump by multiples of it; at the other rates no frame is padded (facts: 144 * bitrate / rate).
BLOCK_FRAMES = 49
# An encoder looks ahead by less than three frames; it is given one more before it jumps.
_TAIL_FRAMES = 4
_WARM_UP_BLOCKS = 3
_SEGMENT_LEAST_BLOCKS = 8
_SEGMENT_UNKNOWN_BLOCKS = 24
_SHARE_LEAST_BLOCKS = 6  # that are worth a new encoder and its warm-up
_AHEAD_BYTES = 48 * 2**20  # of sound that waits, for all encoders together
_AHEAD_ALONE_BYTES = 4 * 2**20
# No encoder empties a pipe so fast, and whoever looks at the pipes for each packet takes a twentieth of a core.
_PIPE_BYTES_A_SECOND = 2**28
_READ_BYTES = 2**16
_REFUSED = "Error encoding a frame"  # LAME takes numbers only, and floats in a file may be none


@dataclass(frozen=True)
class Settings:
    """How LAME is to encode: `bitrate` in kbit/s for CBR or else `quality` 0 to 9 for VBR; `effort` is its `-q`."""

    bitrate: int | None
    quality: int
    effort: int

    def words(self) -> list[str]:
        """Return ffmpeg's words for this."""
        rate = ["-q:a", str(self.quality)] if self.bitrate is None else ["-b:a", f"{self.bitrate}k"]
        return ["-c:a", "libmp3lame", *rate, "-compression_level", str(self.effort), "-reservoir", "0"]

    def scale(self) -> int:
        """Return LAME's mark for the Info frame, 0 to 100."""
        return 100 - 10 * (self.quality if self.bitrate is None else 0) - self.effort


@dataclass
class Pcm:
    """Sound on a pipe: float samples, little-endian, interleaved; `head` was read from it already."""

    pipe: int
    rate: int
    channels: int
    head: bytes = b""


@dataclass(frozen=True)
class Limits:
    """How much may come out: seconds of sound and bytes of MP3."""

    seconds: float
    length: int


@dataclass
class _Block:
    """Forty-nine frames of sound, or fewer at the end."""

    data: memoryview
    length: int = 0
    readers: int = 0


@dataclass(eq=False)
class _Segment:
    """A run of frames that one encoder makes; those that cannot be written yet wait in it."""

    waiting: bytearray = field(default_factory=bytearray)
    sizes: array[int] = field(default_factory=lambda: array("I"))
    complete: bool = False


@dataclass
class _Span:
    """Which of an encoder's frames are a segment's; the others are warm-up."""

    segment: _Segment
    first: int
    end: int | None = None


@dataclass(frozen=True)
class _Rest:
    """What is taken from an encoder: blocks of a segment, those just before them, and the one behind, if any."""

    segment: _Segment
    warm_up: list[_Block]
    blocks: list[_Block]
    behind: _Block | None


class _Lane:
    """One encoder, the sound that waits for it, and the meaning of the frames that it makes."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.source, self.sink = child.stdin.fileno(), child.stdout.fileno()
        for pipe in (self.source, self.sink):
            os.set_blocking(pipe, False)
        self.splitter = mp3.Splitter()
        self.spans: deque[_Span] = deque()
        self.given = 0  # frames of sound, in whole blocks and tails
        self.waiting = 0  # bytes of sound
        self._made = 0
        self._queue: deque[tuple[memoryview, _Block]] = deque()

    def give(self, block: _Block, first: int = 0, end: int | None = None) -> None:
        """Queue a block's bytes from `first` up to `end`."""
        part = block.data[first : block.length if end is None else min(end, block.length)]
        if part:
            block.readers += 1
            self.waiting += len(part)
            self._queue.append((part, block))

    def halve(self) -> _Rest | None:
        """Give away the later half of what waits of the last segment; nothing where that is not worth while."""
        if not self._queue:
            return None
        span, queue = self.spans[-1], list(self._queue)
        behind = queue.pop()[1] if span.end is not None else None
        own = min(len(queue), (self.given - _TAIL_FRAMES * bool(behind) - span.first) // BLOCK_FRAMES)
        count = (own - _WARM_UP_BLOCKS) // 2
        if count < _SHARE_LEAST_BLOCKS:
            return None
        for part, block in list(self._queue)[len(queue) - count :]:
            self._queue.pop()
            self.waiting -= len(part)
            block.readers -= 1
        self.given -= count * BLOCK_FRAMES + _TAIL_FRAMES * bool(behind)
        blocks = [block for _, block in queue]
        return _Rest(span.segment, blocks[-count - _WARM_UP_BLOCKS : -count], blocks[-count:], behind)

    def write(self) -> list[_Block]:
        """Write what the encoder takes now; return the blocks that were written to their end."""
        done = []
        while self._queue:
            part, block = self._queue[0]
            try:
                count = os.write(self.source, part)
            except BlockingIOError:
                break
            self.waiting -= count
            if count < len(part):
                self._queue[0] = part[count:], block
                break
            self._queue.popleft()
            block.readers -= 1
            done.append(block)
        return done

    def read(self) -> int | None:
        """Take the frames that the encoder made; return how many bytes of them count, None at their end."""
        try:
            data = os.read(self.sink, _READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            if self.spans:
                self.spans.popleft().segment.complete = True
            return None
        return sum(self._sort(frame) for frame in self.splitter.split(data))

    def _sort(self, frame: bytes) -> int:
        number = self._made
        self._made += 1
        while self.spans and self.spans[0].end is not None and number >= self.spans[0].end:
            self.spans.popleft().segment.complete = True
        if not self.spans or number < self.spans[0].first:
            return 0
        segment = self.spans[0].segment
        segment.waiting += frame
        segment.sizes.append(len(frame))
        return len(frame)


@dataclass(frozen=True)
class Encoded:
    """What came out: the frames that were written, counted, and how many samples went in."""

    stream: mp3.Stream
    samples: int

    def gaps(self) -> mp3.Gaps:
        """Return the samples that LAME added before and after the sound."""
        made = self.stream.frames * self.stream.kind.samples
        return mp3.Gaps(mp3.ENCODER_DELAY, made - mp3.ENCODER_DELAY - self.samples)


class Encoders:
    """Encode one stream of sound, on as many encoders as `lanes` says at the moment.

    `seconds`, how long the sound will probably last, only decides how it is cut.
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
        self._pcm, self._settings, self._target, self._cage = pcm, settings, target, cage
        self._allowed, self._limits, self._expected = lanes, limits, seconds
        kind = mp3.kind_of(pcm.rate, pcm.channels)
        self._frame_bytes = kind.samples * pcm.channels * SAMPLE_BYTES
        self._block_bytes = self._frame_bytes * BLOCK_FRAMES
        self.stream = mp3.Stream(kind, settings.bitrate, settings.scale())
        self._selector = selectors.DefaultSelector()
        self._lanes: list[_Lane] = []
        self._open = 0
        self._segments: deque[_Segment] = deque()
        self._recent: deque[_Block] = deque()
        self._free: list[_Block] = []
        self._lane: _Lane | None = None
        self._left = 0  # blocks of the segment that are still to come
        self._received = self._counted = 0
        self._ended = False
        self._pause = 0.0  # seconds

    def run(self, on_progress: Callable[[float], None]) -> Encoded:
        """Encode to the end; `on_progress` is called with the seconds done.

        No sound at all gives no frames. Raises Failure: TOO_LONG, MP3_TOO_LARGE or CONVERT_TIMED_OUT.
        """
        with self._selector as selector:
            os.set_blocking(self._pcm.pipe, False)
            selector.register(self._pcm.pipe, selectors.EVENT_READ, self._receive)
            self._block = self._new_block()
            self._take(self._pcm.head)
            while not (self._ended and self._open == 0):
                self._pause_or_go_on()
                time.sleep(self._pause)
                for key, _ in self._cage.wait(selector):
                    key.data()
                on_progress(self._counted * self.stream.kind.samples / self._pcm.rate)
        for lane in self._lanes:
            if self._cage.code(lane.child) != 0:
                raise self._blame(lane)
            lane.splitter.end()
        samples = self._received // (self._pcm.channels * SAMPLE_BYTES)
        if self._segments or self.stream.frames * self.stream.kind.samples < samples:
            raise RuntimeError("frames are missing")
        return Encoded(self.stream, samples)

    # The sound

    def _new_block(self) -> _Block:
        block = self._free.pop() if self._free else _Block(memoryview(bytearray(self._block_bytes)))
        block.length = 0
        return block

    def _take(self, data: bytes) -> None:
        while data:
            count = min(len(data), self._block_bytes - self._block.length)
            self._block.data[self._block.length : self._block.length + count] = data[:count]
            data = data[count:]
            self._grown(count)

    def _receive(self) -> None:
        block = self._block
        try:
            count = os.readv(self._pcm.pipe, [block.data[block.length :]])
        except BlockingIOError:
            return
        if count:
            self._grown(count)
        else:
            self._finish()

    def _grown(self, count: int) -> None:
        self._received += count
        if self._received > self._limits.seconds * self._pcm.rate * self._pcm.channels * SAMPLE_BYTES:
            raise Failure(errors.TOO_LONG)
        self._block.length += count
        if self._block.length == self._block_bytes:
            self._hand_out()
            self._block = self._new_block()

    def _finish(self) -> None:
        self._selector.unregister(self._pcm.pipe)
        self._ended = True
        # A sample that was cut in two is no sample.
        cut = self._block.length % (self._pcm.channels * SAMPLE_BYTES)
        self._block.length -= cut
        self._received -= cut
        if self._block.length:
            self._hand_out()
        for lane in list(self._lanes):
            self._feed(lane)
        self._share_the_rest()

    def _hand_out(self) -> None:
        """Give the block that is full to the encoder of the segment, or begin a segment with it."""
        if self._left == 0:
            self._begin_segment()
        lane = self._lane
        assert lane is not None  # noqa: S101 - a segment has begun
        lane.give(self._block)
        lane.given += BLOCK_FRAMES
        self._left -= 1
        self._remember(self._block)

    def _remember(self, block: _Block) -> None:
        block.readers += 1
        self._recent.append(block)
        if len(self._recent) > _WARM_UP_BLOCKS:
            oldest = self._recent.popleft()
            oldest.readers -= 1
            self._recycle([oldest])

    def _recycle(self, blocks: list[_Block]) -> None:
        self._free += [block for block in blocks if block.readers == 0]

    def _begin_segment(self) -> None:
        before, after = self._lane, self._choose()
        if before is not after:
            if before is not None:
                self._end_segment(before, self._block)
                # One that has had a tail goes on behind one, so that its pattern of padded frames still fits.
                tail, had_tail = _TAIL_FRAMES * self._frame_bytes, after.given > 0
                for number, block in enumerate(self._recent):
                    after.give(block, tail if had_tail and number == 0 else 0)
                after.given += BLOCK_FRAMES * len(self._recent) - _TAIL_FRAMES * had_tail
            segment = _Segment()
            self._segments.append(segment)
            after.spans.append(_Span(segment, after.given))
        self._lane = after
        self._left = self._segment_blocks()

    def _share_the_rest(self) -> None:
        """Start encoders for half of what waits behind the busiest one, while there are cores without work."""
        while self._lanes and sum(not lane.child.stdin.closed for lane in self._lanes) < self._allowed():
            busiest = max(self._lanes, key=lambda lane: lane.waiting)
            rest = busiest.halve()
            if rest is None:
                return
            self._end_segment(busiest, rest.blocks[0])
            self._hand_over(rest)

    def _hand_over(self, rest: _Rest) -> None:
        lane = self._start()
        segment = _Segment()
        self._segments.insert(self._segments.index(rest.segment) + 1, segment)
        for block in rest.warm_up:
            lane.give(block)
        lane.spans.append(_Span(segment, BLOCK_FRAMES * len(rest.warm_up)))
        for block in rest.blocks:
            lane.give(block)
        lane.given = BLOCK_FRAMES * (len(rest.warm_up) + len(rest.blocks))
        if rest.behind:
            self._end_segment(lane, rest.behind)

    def _end_segment(self, lane: _Lane, behind: _Block) -> None:
        """Let an encoder look from the last frames of its segment into the next one."""
        lane.spans[-1].end = lane.given
        lane.give(behind, 0, _TAIL_FRAMES * self._frame_bytes)
        lane.given += _TAIL_FRAMES

    def _choose(self) -> _Lane:
        """Return the encoder that will be idle first, a new one if there may be more."""
        allowed = max(1, self._allowed())
        if self._lane is not None and allowed == 1:
            return self._lane
        if len(self._lanes) < allowed:
            return self._start()
        return min(self._lanes, key=lambda lane: lane.waiting)

    def _segment_blocks(self) -> int:
        allowed = max(1, self._allowed())
        most = _AHEAD_BYTES // max(1, allowed - 1) // self._block_bytes
        if self._expected is None:
            return max(_SEGMENT_LEAST_BLOCKS, min(_SEGMENT_UNKNOWN_BLOCKS, most))
        blocks = self._expected * self._pcm.rate * self._pcm.channels * SAMPLE_BYTES / self._block_bytes
        rounds = math.ceil(blocks / (allowed * max(1, most))) or 1
        wanted = math.ceil(blocks / (allowed * rounds))
        return max(_SEGMENT_LEAST_BLOCKS, min(wanted, most))

    # The encoders

    def _start(self) -> _Lane:
        command = cages.ffmpeg(
            "-protocol_whitelist",
            "pipe",
            "-format_whitelist",
            "f32le",
            "-threads",
            "1",
            "-filter_threads",
            "1",
            "-f",
            "f32le",
            "-ar",
            str(self._pcm.rate),
            "-ch_layout",
            "mono" if self._pcm.channels == 1 else "stereo",
            "-i",
            "pipe:0",
            *self._settings.words(),
            "-write_xing",
            "0",
            "-id3v2_version",
            "0",
            "-flush_packets",
            "0",
            "-f",
            "mp3",
            "pipe:1",
        )
        lane = _Lane(self._cage.start(command, stdin=cages.PIPE))
        self._pause = min(map(cages.widen, (self._pcm.pipe, lane.source))) / _PIPE_BYTES_A_SECOND
        self._lanes.append(lane)
        self._open += 1
        self._selector.register(lane.sink, selectors.EVENT_READ, partial(self._read, lane))
        return lane

    def _pause_or_go_on(self) -> None:
        """Listen to each pipe only while there is something to do for it."""
        if not self._ended:
            waiting = sum(lane.waiting for lane in self._lanes)
            room = (_AHEAD_BYTES if self._allowed() > 1 else _AHEAD_ALONE_BYTES) + 2 * self._block_bytes
            self._listen(self._pcm.pipe, selectors.EVENT_READ, self._receive, waiting <= room)
        for lane in self._lanes:
            if not lane.child.stdin.closed:
                self._listen(lane.source, selectors.EVENT_WRITE, partial(self._feed, lane), lane.waiting > 0)

    def _listen(self, pipe: int, event: int, act: Callable[[], None], wanted: bool) -> None:
        listening = pipe in self._selector.get_map()
        if wanted and not listening:
            self._selector.register(pipe, event, act)
        elif listening and not wanted:
            self._selector.unregister(pipe)

    def _feed(self, lane: _Lane) -> None:
        try:
            self._recycle(lane.write())
        except BrokenPipeError:
            raise self._blame(lane) from None
        if self._ended and lane.waiting == 0 and not lane.child.stdin.closed:
            if lane.source in self._selector.get_map():
                self._selector.unregister(lane.source)
            lane.child.stdin.close()
            self._share_the_rest()

    def _blame(self, lane: _Lane) -> Exception:
        """Return why an encoder has ended: samples that LAME refuses are the source's fault, all else is ours."""
        self._cage.code(lane.child)
        said = lane.child.words()
        return Failure(errors.UNDECODABLE) if _REFUSED in said else RuntimeError(f"an encoder failed: {said}")

    def _read(self, lane: _Lane) -> None:
        count = lane.read()
        if count is None:
            self._selector.unregister(lane.sink)
            self._open -= 1
        self._counted = self.stream.frames + sum(len(segment.sizes) for segment in self._segments)
        self._write()

    def _write(self) -> None:
        """Write the frames whose turn it is."""
        while self._segments:
            segment = self._segments[0]
            if segment.sizes:
                self._target.write(segment.waiting)
                self.stream.add(bytes(segment.waiting), segment.sizes)
                segment.waiting, segment.sizes = bytearray(), array("I")
            if self.stream.length + sum(len(segment.waiting) for segment in self._segments) > self._limits.length:
                raise Failure(errors.MP3_TOO_LARGE)
            if not segment.complete:
                break
            self._segments.popleft()

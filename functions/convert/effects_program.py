"""The program in the cage in which moviepy changes fades, volume and speed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy
from moviepy import AudioClip, afx

from functions.convert import effects, wav
from functions.convert.effects import Wanted

Samples = numpy.ndarray[Any, Any]

_CHUNK_FRAMES = 2**15
_BLOCK_BYTES = 2**20
_ROUNDING = 1e-9  # of a frame


def main() -> None:
    """Change the sound between standard input and standard output; no input makes no output."""
    wanted = Wanted(**json.loads(sys.argv[1]))
    with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as sink:
        try:
            form, head = wav.read(lambda: source.read1(_BLOCK_BYTES))
        except EOFError:
            return
        rate = wanted.rate or form.rate
        sink.write(wav.header(wav.Format(rate, form.channels)))
        late = round(wanted.late * form.rate) * form.frame_bytes
        stream = _Stream(form, head, source, late, whole=rate == form.rate and wanted.speed == 1)
        over = False
        for chunk in _chunks(stream, rate, wanted):
            if not over and numpy.abs(chunk).max() > 1:
                over = True
                print(effects.OVER, file=sys.stderr, flush=True)
            sink.write(chunk.astype("<f4").tobytes())


def _chunks(stream: _Stream, rate: int, wanted: Wanted) -> Iterator[Samples]:
    clip = _clip(stream, wanted)
    step = wanted.speed * stream.rate / rate  # input frames per output frame
    first = 0
    while True:
        last = first + _CHUNK_FRAMES
        stream.move(math.floor(first * step), math.ceil(last * step))
        if stream.over:
            last = min(last, math.ceil(stream.end / step - _ROUNDING))
        if last <= first:
            return
        yield clip.get_frame(numpy.arange(first, last) / rate)
        first = last


def _clip(stream: _Stream, wanted: Wanted) -> Any:
    """Return the changed sound as moviepy's clip."""
    clip = AudioClip(stream.at, duration=wanted.seconds or math.inf, fps=stream.rate)
    if wanted.speed != 1:
        clip = clip.with_speed_scaled(wanted.speed)
    changes: list[Any] = []
    if wanted.volume != 1:
        changes.append(afx.MultiplyVolume(wanted.volume))
    if wanted.fade_in:
        changes.append(afx.AudioFadeIn(wanted.fade_in))
    if wanted.fade_out:
        changes.append(afx.AudioFadeOut(wanted.fade_out))
    return clip.with_effects(changes)


class _Stream:
    """A sound that is read forward; a window of it is kept, and `at` returns its frames at times within.

    It begins with so many bytes of silence as it is `late`, then comes `head`, then `source`.
    """

    def __init__(self, form: wav.Format, head: bytes, source: BinaryIO, late: int = 0, *, whole: bool) -> None:
        self.rate = form.rate
        self.over = False
        self._form = form
        self._source = source
        self._head = head
        self._late = late
        self._whole = whole  # every time asked for is a sample's
        self._first = 0
        self._frames = self._shaped(b"")

    @property
    def end(self) -> int:
        """Return the number of frames read so far."""
        return self._first + len(self._frames)

    def move(self, first: int, end: int) -> None:
        """Move the window to the frames from `first` to `end`, or to the end of the sound."""
        kept = self._frames[first - self._first :]
        length = max(0, end - self.end) * self._form.frame_bytes
        silence = min(self._late, length)
        self._late -= silence
        begun, self._head = self._head[: length - silence], self._head[length - silence :]
        read = bytes(silence) + begun + self._source.read(length - silence - len(begun))
        self.over = self.over or len(read) < length
        self._first, self._frames = first, numpy.concatenate((kept, self._shaped(read)))

    def at(self, times: Samples | float) -> Samples:
        """Return the frames at these times in seconds, interpolated linearly."""
        if isinstance(times, int | float):  # moviepy asks for one frame to count the channels
            return numpy.zeros(self._form.channels)
        places = times * self.rate - self._first
        if self._whole:
            exact: Samples = self._frames.take(numpy.rint(places).astype(int), 0)
            return exact
        numbers = places.astype(int)
        part = (places - numbers).astype(numpy.float32)
        before: Samples = self._frames.take(numbers, 0)
        after: Samples = self._frames.take(numbers + 1, 0, mode="clip")  # after the last one, repeat it
        between: Samples = before + (after - before) * (part if self._form.channels == 1 else part[:, None])
        return between

    def _shaped(self, data: bytes) -> Samples:
        whole = len(data) // self._form.frame_bytes * self._form.channels
        samples: Samples = numpy.frombuffer(data, "<f4", whole)
        return samples if self._form.channels == 1 else samples.reshape(-1, self._form.channels)


if __name__ == "__main__":
    main()

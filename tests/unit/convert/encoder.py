"""A fake encoder for the code around LAME: each frame records the sound it was made from."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from typing import NamedTuple

from functions.convert import mp3
from functions.convert.lane import Lane

FRAME_BYTES = 4  # of sound: each frame of the tests' sound contains its number
KIND = mp3.Kind(0, 8000, 1)
_HEADER = bytes([0xFF, 0xE3, 0x18, 0xC0])  # MPEG 2.5 Layer III, 8 kbit/s, 8 kHz, mono
_MP3_BYTES = 72
_LOOKAHEAD_FRAMES = 3
_PIPE_BYTES = 4096


class Frame(NamedTuple):
    """The sound that a frame was made from: `number` of the sound frame, at `position` in the encoder's input.

    `before` and `after` count the adjacent frames that the encoder had, in the sound's order.
    """

    number: int
    position: int
    before: int
    after: int


def sound(frames: int) -> bytes:
    """Return a sound with this many frames."""
    return struct.pack(f">{frames}I", *range(frames))


def frames(made: bytes) -> list[Frame]:
    """Return the records in the frames of an MP3."""
    return [
        Frame(*(int.from_bytes(made[at + first : at + first + 4], "big") for first in (4, 8, 12, 16)))
        for at in range(0, len(made), _MP3_BYTES)
    ]


class Encoder:
    """Reads a lane's sound and writes frames like LAME, with a lookahead of a few frames."""

    def __init__(self) -> None:
        self._source, sound_in = os.pipe()
        frames_out, self._sink = os.pipe()
        fcntl.fcntl(sound_in, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        for pipe in (self._source, self._sink):
            os.set_blocking(pipe, False)
        self._pipes = os.fdopen(sound_in, "wb", buffering=0), os.fdopen(frames_out, "rb", buffering=0)
        self.lane = Lane(*self._pipes, FRAME_BYTES)
        self.heard: list[int] = []
        self._rest = b""
        self._made = 0
        self._before = 0
        self._unwritten = b""
        self._over = False

    def work(self) -> None:
        """Read the available sound, and write the frames that are possible."""
        with contextlib.suppress(BlockingIOError):
            while not self._over:
                data = os.read(self._source, _PIPE_BYTES)
                self._over = not data
                self._rest += data
        whole = len(self._rest) // FRAME_BYTES
        self.heard += struct.unpack(f">{whole}I", self._rest[: whole * FRAME_BYTES])
        self._rest = self._rest[whole * FRAME_BYTES :]
        while self._made + (0 if self._over else _LOOKAHEAD_FRAMES) < len(self.heard):
            self._unwritten += self._frame(self._made)
            self._made += 1
        with contextlib.suppress(BlockingIOError):
            self._unwritten = self._unwritten[os.write(self._sink, self._unwritten) :]
        if self._over and not self._unwritten:
            os.close(self._sink)
            self._sink = -1

    @property
    def done(self) -> bool:
        """Tell whether all frames have been written."""
        return self._sink < 0

    def close(self) -> None:
        """Close the pipes."""
        for pipe in self._pipes:
            pipe.close()
        for descriptor in {self._source, self._sink} - {-1}:
            os.close(descriptor)

    def _frame(self, at: int) -> bytes:
        number = self.heard[at]
        self._before = self._before + 1 if at and self.heard[at - 1] == number - 1 else 0
        after = 0
        while after < _LOOKAHEAD_FRAMES and self.heard[at + after + 1 : at + after + 2] == [number + after + 1]:
            after += 1
        said = b"".join(value.to_bytes(4, "big") for value in (number, at, self._before, after))
        return (_HEADER + said).ljust(_MP3_BYTES, b"\0")

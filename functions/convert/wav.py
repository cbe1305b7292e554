"""WAV: the header of floating-point sound between our programs."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

SAMPLE_BYTES = 4  # 32-bit floats, little-endian

_RIFF, _CHUNK, _FORMAT = struct.Struct("<4sI4s"), struct.Struct("<4sI"), struct.Struct("<HHIIHH")
_FLOAT, _EXTENSIBLE = 3, 0xFFFE
_SUBFORMAT = slice(24, 26)  # the first two bytes of WAVEFORMATEXTENSIBLE's GUID are the plain format's number
_UNKNOWN_LENGTH = 0xFFFFFFFF
_HEADER_MOST_BYTES = 65_536


@dataclass(frozen=True)
class Format:
    """The format of the samples: `rate` in Hz, and interleaved channels of floats."""

    rate: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        """Return the size of one sample of all channels."""
        return self.channels * SAMPLE_BYTES


def read(block: Callable[[], bytes]) -> tuple[Format, bytes]:
    """Return the format of a stream, and the sound that was read with its header.

    `block` returns the next bytes, b"" at the end. Raises EOFError if the stream ends before its sound begins, and
    ValueError if it is not a WAV of floats.
    """
    stream = bytearray()

    def need(length: int) -> None:
        if length > _HEADER_MOST_BYTES:
            raise ValueError("a WAV header of more than 64 kB")
        while len(stream) < length:
            more = block()
            if not more:
                raise EOFError
            stream.extend(more)

    need(_RIFF.size)
    riff, _, kind = _RIFF.unpack_from(stream)
    if riff not in (b"RIFF", b"RF64") or kind != b"WAVE":
        raise ValueError("not a WAV")
    found: Format | None = None
    position = _RIFF.size
    while True:
        need(position + _CHUNK.size)
        name, length = _CHUNK.unpack_from(stream, position)
        position += _CHUNK.size
        if name == b"data":
            break
        need(position + length + length % 2)
        if name == b"fmt ":
            found = _format(bytes(stream[position : position + length]))
        position += length + length % 2
    if found is None:
        raise ValueError("a WAV without a format")
    return found, bytes(stream[position:])


def header(sound: Format) -> bytes:
    """Return the header of a stream of unknown length."""
    frame = sound.frame_bytes
    form = _FORMAT.pack(_FLOAT, sound.channels, sound.rate, sound.rate * frame, frame, 8 * SAMPLE_BYTES)
    return (
        _RIFF.pack(b"RIFF", _UNKNOWN_LENGTH, b"WAVE")
        + _CHUNK.pack(b"fmt ", len(form))
        + form
        + _CHUNK.pack(b"data", _UNKNOWN_LENGTH)
    )


def _format(chunk: bytes) -> Format:
    if len(chunk) < _FORMAT.size:
        raise ValueError("a WAV with an incomplete format")
    code, channels, rate, _, frame, bits = _FORMAT.unpack_from(chunk)
    if code == _EXTENSIBLE:
        code = int.from_bytes(chunk[_SUBFORMAT], "little")
    sound = Format(rate, channels)
    if code != _FLOAT or bits != 8 * SAMPLE_BYTES or not rate or not channels or frame != sound.frame_bytes:
        raise ValueError(f"a WAV of format {code} with {bits} bits")
    return sound

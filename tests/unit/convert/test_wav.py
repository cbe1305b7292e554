"""WAV headers: every supported format is read; truncated, endless and other ones are refused."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest

from functions.convert import wav
from functions.convert.wav import Format

SOUND = b"\1\2\3\4" * 4
FLOAT = struct.pack("<HHIIHH", 3, 2, 44_100, 44_100 * 8, 8, 32)
EXTENSIBLE = (
    struct.pack("<HHIIHHHHI", 0xFFFE, 2, 44_100, 44_100 * 8, 8, 32, 22, 32, 3) + struct.pack("<H", 3) + bytes(14)
)
FACT = b"fact" + struct.pack("<I", 4) + bytes(4)
ODD = b"LIST" + struct.pack("<I", 5) + b"INFO!" + b"\0"  # chunks start at even offsets


def file(
    form: bytes = FLOAT, *others: bytes, name: bytes = b"fmt ", riff: bytes = b"RIFF", kind: bytes = b"WAVE"
) -> bytes:
    chunk = name + struct.pack("<I", len(form)) + form
    return riff + b"\xff" * 4 + kind + chunk + b"".join(others) + b"data" + b"\xff" * 4 + SOUND


def blocks(data: bytes, size: int) -> Callable[[], bytes]:
    parts: Iterator[bytes] = iter([data[first : first + size] for first in range(0, len(data), size)])
    return lambda: next(parts, b"")


@pytest.mark.parametrize("size", [1, 7, 44, 1000])
@pytest.mark.parametrize(
    "data", [file(), file(FLOAT + bytes(2)), file(EXTENSIBLE), file(FLOAT, FACT), file(FLOAT, ODD), file(riff=b"RF64")]
)
def test_reading_does_not_depend_on_the_block_size(data: bytes, size: int) -> None:
    """No byte of the sound after it is lost."""
    source = blocks(data, size)
    found, head = wav.read(source)
    assert found == Format(44_100, 2)
    while more := source():
        head += more
    assert head == SOUND


def test_a_written_header_is_read_back() -> None:
    form = Format(8000, 1)
    assert wav.read(blocks(wav.header(form) + SOUND, 5))[0] == form
    assert form.frame_bytes == 4


@pytest.mark.parametrize("length", [0, 3, 12, 30, len(file()) - len(SOUND) - 1])
def test_a_stream_that_ends_before_its_sound(length: int) -> None:
    with pytest.raises(EOFError):
        wav.read(blocks(file()[:length], 10))


@pytest.mark.parametrize(
    "data",
    [
        file(riff=b"RIFX"),
        file(kind=b"AVI "),
        file(name=b"junk"),
        file(FLOAT[:10]),
        file(struct.pack("<HHIIHH", 1, 2, 44_100, 44_100 * 8, 8, 32)),
        file(struct.pack("<HHIIHH", 3, 2, 44_100, 44_100 * 16, 16, 64)),
        file(struct.pack("<HHIIHH", 3, 0, 44_100, 0, 0, 32)),
        file(struct.pack("<HHIIHH", 3, 2, 0, 0, 8, 32)),
        file(struct.pack("<HHIIHH", 3, 2, 44_100, 44_100 * 8, 4, 32)),
        file(FLOAT, b"LIST" + b"\xff" * 4),
        file(FLOAT, *[b"LIST" + struct.pack("<I", 1000) + bytes(1000)] * 100),
    ],
    ids=[
        "big end first",
        "no WAV",
        "no format",
        "short format",
        "integers",
        "64 bits",
        "no channel",
        "no rate",
        "wrong frames",
        "endless chunk",
        "endless header",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="WAV"):
        wav.read(blocks(data, 4096))

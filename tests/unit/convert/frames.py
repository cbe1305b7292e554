"""Makes frames with random contents, with and without a bit reservoir, and finds their contents as a decoder does."""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass

from functions.convert import mp3
from functions.convert.reservoir import Reservoir

KINDS = [mp3.kind_of(rate, channels) for rate in (44_100, 48_000, 22_050, 8_000) for channels in (1, 2)]
MOST_BEGIN = {2: 511, 1: 255}  # bytes, by the number of granules
GRANULE_BITS = {2: 59, 1: 63}  # of one channel
HEADER_BYTES = 4
UNPROTECTED, PROTECTED = 1, 0


@dataclass(frozen=True)
class Content:
    """What a decoder needs of a frame: its side information without main_data_begin, and its main data."""

    side: str
    main: bytes


def lengths_in(side: str, kind: mp3.Kind) -> list[int]:
    """Return part2_3_length of each granule and channel; `side` is in binary digits."""
    width, parts = GRANULE_BITS[kind.granules], kind.granules * kind.channels
    first = len(side) - parts * width
    return [int(side[at : at + 12], 2) for at in range(first, len(side), width)]


def begin_bits(kind: mp3.Kind) -> int:
    """Return the length of main_data_begin."""
    return MOST_BEGIN[kind.granules].bit_length()


def content(kind: mp3.Kind, share: float, source: random.Random) -> Content:
    """Return a frame's random content; `share` of the largest frame is main data."""
    parts = kind.granules * kind.channels
    room = kind.sizes()[-1] - HEADER_BYTES - kind.side_info
    each = min(4095, int(share * room * 8 / parts))
    lengths = [source.randint(0, each) for _ in range(parts)]
    width = GRANULE_BITS[kind.granules] - 12
    granules = "".join(f"{length:012b}{source.getrandbits(width):0{width}b}" for length in lengths)
    before = kind.side_info * 8 - len(granules) - begin_bits(kind)
    side = f"{source.getrandbits(before):0{before}b}{granules}"
    return Content(side, source.randbytes((sum(lengths) + 7) // 8))


def frame(kind: mp3.Kind, content: Content, begin: int = 0, protection: int = UNPROTECTED) -> bytes:
    """Return a stuffed frame, as an encoder without the reservoir makes it."""
    least = HEADER_BYTES + kind.side_info + len(content.main)
    index, size = next((index, size) for index, size in enumerate(kind.sizes(), 1) if size >= least)
    rate = mp3.RATES[kind.version].index(kind.rate)
    header = bytes(
        [0xFF, 0xE2 | kind.version << 3 | protection, index << 4 | rate << 2, 0xC4 if kind.channels == 1 else 4]
    )
    side = int(f"{begin:0{begin_bits(kind)}b}{content.side}", 2).to_bytes(kind.side_info, "big")
    return (header + side + content.main).ljust(size, b"\x55")


def contents(kind: mp3.Kind, frames: list[bytes]) -> list[Content]:
    """Return what a decoder finds in frames; checks that it is not before the first frame, or after its own."""
    found, stream = [], b""
    for each in frames:
        side = f"{int.from_bytes(each[HEADER_BYTES : HEADER_BYTES + kind.side_info], 'big'):0{kind.side_info * 8}b}"
        begin = int(side[: begin_bits(kind)], 2)
        assert begin <= len(stream)
        start = len(stream) - begin
        stream += each[HEADER_BYTES + kind.side_info :]
        length = (sum(lengths_in(side, kind)) + 7) // 8
        assert start + length <= len(stream)
        found.append(Content(side[begin_bits(kind) :], stream[start : start + length]))
    return found


def laid_out(kind: mp3.Kind, frames: list[bytes], at_once: int = 10**6) -> list[bytes]:
    """Return the frames that a reservoir makes of these, given `at_once` at a time."""
    reservoir, made = Reservoir(kind), []
    splitter = mp3.Splitter()
    for at in range(0, len(frames), at_once):
        some = frames[at : at + at_once]
        data, sizes = reservoir.lay_out(b"".join(some), array("I", map(len, some)))
        made += list(splitter.split(data))
        assert [len(each) for each in made[len(made) - len(sizes) :]] == list(sizes)
        assert len(made) + reservoir.frames == at + len(some)
    made += list(splitter.split(reservoir.end()[0]))
    splitter.end()
    assert splitter.kind == kind
    return made

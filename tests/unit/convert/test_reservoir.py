"""The bit reservoir: frames become smaller; their side information and main data stay the same, and are found."""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass

import pytest

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


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_contents_are_the_same_in_smaller_frames(kind: mp3.Kind, share: float) -> None:
    source = random.Random(f"{kind}{share}")
    wanted = [content(kind, share, source) for _ in range(300)]
    frames = [frame(kind, each) for each in wanted]
    assert contents(kind, frames) == wanted
    made = laid_out(kind, frames)
    assert contents(kind, made) == wanted
    least = max(300 * kind.sizes()[0], sum(HEADER_BYTES + kind.side_info + len(each.main) for each in wanted))
    assert least <= sum(map(len, made)) <= min(sum(map(len, frames)), least + 1500)
    if share >= 0.3:
        assert sum(map(len, made)) < 0.97 * sum(map(len, frames))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_headers_keep_all_but_their_bitrate(kind: mp3.Kind) -> None:
    source = random.Random(1)
    frames = [frame(kind, content(kind, 0.5, source)) for _ in range(50)]
    made = laid_out(kind, frames)
    assert [(a[:2], a[2] & 0x0F, a[3]) for a in made] == [(b[:2], b[2] & 0x0F, b[3]) for b in frames]


@pytest.mark.parametrize("at_once", [1, 7])
def test_the_layout_does_not_depend_on_how_many_frames_come_at_once(at_once: int) -> None:
    source = random.Random(2)
    frames = [frame(KINDS[1], content(KINDS[1], source.random(), source)) for _ in range(100)]
    assert laid_out(KINDS[1], frames, at_once) == laid_out(KINDS[1], frames)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_silence_between_sounds(kind: mp3.Kind) -> None:
    """Silent frames leave more room than main_data_begin can reach."""
    source = random.Random(3)
    wanted = [content(kind, share, source) for share in [1.0, *[0.0] * 200, 1.0, *[0.0] * 200]]
    frames = [frame(kind, each) for each in wanted]
    reservoir = Reservoir(kind)
    for each in frames:
        reservoir.lay_out(each, [len(each)])
        assert reservoir.frames <= 1 + MOST_BEGIN[kind.granules] // (kind.sizes()[0] - HEADER_BYTES - kind.side_info)
    assert contents(kind, laid_out(kind, frames)) == wanted


@pytest.mark.parametrize(("begin", "protection"), [(1, UNPROTECTED), (0, PROTECTED)])
def test_a_frame_that_depends_on_others_is_a_defect(begin: int, protection: int) -> None:
    one = frame(KINDS[0], content(KINDS[0], 0.5, random.Random(4)), begin, protection)
    with pytest.raises(RuntimeError, match="depends on others"):
        Reservoir(KINDS[0]).lay_out(one, [len(one)])


def test_no_frames() -> None:
    assert Reservoir(KINDS[0]).lay_out(b"", []) == (b"", array("I"))
    assert Reservoir(KINDS[0]).end() == (b"", array("I"))

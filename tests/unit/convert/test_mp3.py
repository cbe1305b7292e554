"""MP3: splitting a stream into frames, and the Info frame."""

from __future__ import annotations

from array import array

import pytest

from functions.convert import mp3
from functions.convert.mp3 import Gaps, Kind, NotMp3, Splitter, Stream

# Headers by ISO/IEC 11172-3, section 2.4.1.3, and the length of their frames by 2.4.3.1, computed by hand.
FRAMES = {
    "MPEG 1, 128 kbit/s, 44.1 kHz, joint stereo": (bytes.fromhex("fffb9064"), 417, Kind(3, 44_100, 2), 128),
    "the same, padded": (bytes.fromhex("fffb9264"), 418, Kind(3, 44_100, 2), 128),
    "the same, with a CRC": (bytes.fromhex("fffa9064"), 417, Kind(3, 44_100, 2), 128),
    "MPEG 1, 320 kbit/s, 48 kHz, mono": (bytes.fromhex("fffbe4c4"), 960, Kind(3, 48_000, 1), 320),
    "MPEG 2, 64 kbit/s, 22.05 kHz, mono": (bytes.fromhex("fff380c4"), 208, Kind(2, 22_050, 1), 64),
    "MPEG 2.5, 8 kbit/s, 8 kHz, mono": (bytes.fromhex("ffe318c4"), 72, Kind(0, 8000, 1), 8),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("size", [1, 5, 100, 10_000])
def test_splitting_does_not_depend_on_the_block_size(name: str, size: int) -> None:
    header, length, kind, bitrate = FRAMES[name]
    frame = header + b"\xff" * (length - 4)
    data, splitter = frame * 3, Splitter()
    found = [each for at in range(0, len(data), size) for each in splitter.split(data[at : at + size])]
    assert found == [frame] * 3
    assert splitter.kind == kind
    assert mp3.bitrate_of(frame) == bitrate
    splitter.end()


@pytest.mark.parametrize(
    "header",
    ["fefb9064", "fffd9064", "fffbf064", "fffb0064", "fffb9c64", "ffeb9064", "49443304"],
    ids=["no sync", "layer II", "no bitrate", "free bitrate", "no rate", "no version", "a tag"],
)
def test_invalid_frames(header: str) -> None:
    with pytest.raises(NotMp3):
        list(Splitter().split(bytes.fromhex(header) + bytes(1000)))


def test_frames_of_several_kinds_are_refused() -> None:
    splitter = Splitter()
    assert len(list(splitter.split(bytes.fromhex("fffb9064") + bytes(413)))) == 1
    with pytest.raises(NotMp3):
        list(splitter.split(bytes.fromhex("fffb90c4") + bytes(413)))  # mono


def test_half_a_frame_is_not_an_end() -> None:
    splitter = Splitter()
    assert list(splitter.split(bytes.fromhex("fffb9064") + bytes(412))) == []
    with pytest.raises(NotMp3):
        splitter.end()


def with_fields(frame: bytes, flags: int) -> bytes:
    """Return an Info frame of MPEG 1 in stereo with only some of Xing's fields."""
    begin = frame.index(b"Info") + 8
    fields = {1: frame[begin : begin + 4], 2: bytes(4), 4: bytes(100), 8: bytes(4)}
    some = b"".join(field for bit, field in fields.items() if flags & bit)
    return (frame[: begin - 1] + bytes([flags]) + some + frame[begin + 112 :]).ljust(len(frame), b"\0")


@pytest.mark.parametrize("rate", [rate for rates in mp3.RATES.values() for rate in rates])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bitrate", [None, 32, 64])
def test_the_info_frame_describes_the_stream(rate: int, channels: int, bitrate: int | None) -> None:
    kind = mp3.kind_of(rate, channels)
    stream = Stream(kind, bitrate, 77)
    before = stream.info_frame(None)
    sizes = [100 + number % 7 for number in range(1000)]
    stream.add(bytes(sum(sizes)), array("I", sizes))
    frame = stream.info_frame(Gaps(576, 1001))
    assert len(frame) == len(before)
    splitter = Splitter()
    assert list(splitter.split(frame)) == [frame]
    assert splitter.kind == kind
    begin = 4 + kind.side_info
    total = len(frame) + sum(sizes)
    assert frame[begin : begin + 4] == (b"Info" if bitrate else b"Xing")
    numbers = [int.from_bytes(frame[begin + at : begin + at + 4], "big") for at in (4, 8, 12, 116)]
    assert numbers == [0x0F, 1000, total, 77]
    toc = frame[begin + 16 : begin + 116]
    assert toc[0] == 0
    assert list(toc) == sorted(toc)
    assert toc[50] == pytest.approx(128, abs=2)
    assert mp3.gaps_of(frame) == Gaps(576, 1001)
    assert mp3.gaps_of(before) is None
    assert stream.seconds == pytest.approx(1000 * kind.samples / rate)


def test_gaps_are_limited_to_their_field() -> None:
    frame = Stream(Kind(3, 44_100, 2), 128).info_frame(Gaps(5000, 5000))
    assert mp3.gaps_of(frame) == Gaps(4095, 4095)
    assert mp3.gaps_of(b"") is None
    assert mp3.gaps_of(frame[:160]) is None


@pytest.mark.parametrize("flags", range(16))
def test_gaps_after_any_of_the_fields(flags: int) -> None:
    frame = Stream(Kind(3, 44_100, 2), 128).info_frame(Gaps(576, 1000))
    assert mp3.gaps_of(with_fields(frame, flags)) == Gaps(576, 1000)

"""MP3 as bytes: frames, and the Info frame in front of them that makes a file seekable and gapless.

Frame headers by ISO/IEC 11172-3 section 2.4.2.3 and ISO/IEC 13818-3; the Info frame by Xing's and LAME's tags
(http://gabriel.mp3-tech.org/mp3infotag.html).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from fastcrc import crc16

# By version bits of the header: 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5.
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MPEG_1 = 3
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER_3 = 1
_UNPROTECTED, _PADDING = 0x01, 0x02
NOT_BITRATE = 0x0D  # a header's third byte without bitrate and padding
_HEADER_BYTES = 4
_CRC_BYTES = 2  # between header and side information
_LENGTH_BITS = 12  # of part2_3_length
LENGTH_MASK = (1 << _LENGTH_BITS) - 1
_MONO = 3

ENCODER_DELAY = 576  # LAME's, in samples
DECODER_DELAY = 529  # of every decoder, in samples; the Info frame's delay does not include it
_ENCODER = b"LAME4.1a\0"  # the one in the pinned ffmpeg, as it names itself
_TOC_ENTRIES = 100
_INFO_BYTES = 156  # from the word Info to the CRC of the tag
DELAY_MOST = 0xFFF
_FIELD_BYTES = {0x01: 4, 0x02: 4, 0x04: _TOC_ENTRIES, 0x08: 4}  # frames, bytes, TOC and quality, if present
_FIELDS = sum(_FIELD_BYTES)
_CBR, _VBR = 1, 4  # LAME's numbers for its methods


class NotMp3(ValueError):
    """The bytes are not MP3 frames of one kind."""


@dataclass(frozen=True)
class Kind:
    """The properties that all frames of a stream share."""

    version: int
    rate: int
    channels: int

    @property
    def samples(self) -> int:
        """Return the number of samples per channel in a frame."""
        return 1152 if self.version == _MPEG_1 else 576

    @property
    def side_info(self) -> int:
        """Return the number of bytes of side information after a frame's header."""
        if self.version == _MPEG_1:
            return 17 if self.channels == 1 else 32
        return 9 if self.channels == 1 else 17

    @property
    def granules(self) -> int:
        """Return the number of granules in a frame."""
        return 2 if self.version == _MPEG_1 else 1

    @property
    def begin_shift(self) -> int:
        """Return the number of bits after main_data_begin, the first field of the side information."""
        return self.side_info * 8 - (9 if self.version == _MPEG_1 else 8)

    def length_shifts(self) -> list[int]:
        """Return the number of bits after part2_3_length in the side information, for each granule and channel."""
        granule_bits = 59 if self.version == _MPEG_1 else 63
        ends = range(self.granules * self.channels * granule_bits, 0, -granule_bits)
        return [end - _LENGTH_BITS for end in ends]

    def sizes(self) -> list[int]:
        """Return the sizes of an unpadded frame in bytes, by bitrate index from 1."""
        bitrates = _BITRATES_1 if self.version == _MPEG_1 else _BITRATES_2
        return [self.samples // 8 * bitrate * 1000 // self.rate for bitrate in bitrates[1:]]


def kind_of(rate: int, channels: int) -> Kind:
    """Return the kind of frames for a sound. Raises KeyError for a rate that MP3 does not support."""
    return Kind({rate: version for version, rates in RATES.items() for rate in rates}[rate], rate, channels)


def _sizes() -> dict[int, tuple[Kind, int]]:
    """Return kind and length in bytes of a frame by its header's second and third byte and number of channels."""
    table = {}
    for version, rates in RATES.items():
        bitrates = _BITRATES_1 if version == _MPEG_1 else _BITRATES_2
        for unprotected in (0, 1):
            for index, bitrate in enumerate(bitrates):
                for rate_index, rate in enumerate(rates):
                    for padding in (0, 1):
                        for private in (0, 1):
                            for channels in (1, 2):
                                kind = Kind(version, rate, channels)
                                second = 0xE0 | version << 3 | _LAYER_3 << 1 | unprotected
                                third = index << 4 | rate_index << 2 | padding << 1 | private
                                size = kind.samples // 8 * bitrate * 1000 // rate + padding
                                if index:
                                    table[second << 16 | third << 8 | channels] = (kind, size)
    return table


_SIZES = _sizes()


def bitrate_of(frame: bytes) -> int:
    """Return a frame's bitrate in kbit/s."""
    mpeg_1 = frame[1] >> 3 & 3 == _MPEG_1
    return (_BITRATES_1 if mpeg_1 else _BITRATES_2)[frame[2] >> 4]


def silent(like: bytes, kind: Kind) -> bytes:
    """Return a silent frame of the same kind and bitrate as another one, which needs no other frame."""
    header = bytes([0xFF, like[1] | _UNPROTECTED, like[2] & ~_PADDING, like[3]])
    _, size = _SIZES[header[1] << 16 | header[2] << 8 | kind.channels]
    return header.ljust(size, b"\0")


@dataclass(frozen=True)
class Parts:
    """What a frame consists of (ISO/IEC 11172-3 section 2.4.1.7).

    `side` is its side information. Its main data, of `length` bytes, begins `begin` bytes before the `room` for main
    data that is in the frame, counted without other frames' headers and side information.
    """

    header: bytes
    side: int
    begin: int
    length: int
    room: bytes


def parts_of(frame: bytes, kind: Kind) -> Parts:
    """Take a frame apart."""
    start = _HEADER_BYTES + (0 if frame[1] & _UNPROTECTED else _CRC_BYTES)
    end = start + kind.side_info
    side = int.from_bytes(frame[start:end], "big")
    length = (sum(side >> shift & LENGTH_MASK for shift in kind.length_shifts()) + 7) // 8
    return Parts(frame[:_HEADER_BYTES], side, side >> kind.begin_shift, length, frame[end:])


def independent(parts: Parts, contents: bytes, following: bytes, kind: Kind) -> bytes:
    """Return the smallest frame like another one that has its main data, `contents`, in itself.

    Its room ends with `following`, main data of frames after it. It is silent if there are no contents, or they do not
    fit.
    """
    side = parts.side & (1 << kind.begin_shift) - 1 if contents else 0
    head_bytes = _HEADER_BYTES + kind.side_info
    sizes = kind.sizes()
    index = bisect_left(sizes, head_bytes + len(contents) + len(following))
    if index == len(sizes):
        return independent(parts, b"", following, kind)
    header = bytes(
        [
            parts.header[0],
            parts.header[1] | _UNPROTECTED,
            index + 1 << 4 | parts.header[2] & NOT_BITRATE,
            parts.header[3],
        ]
    )
    room = sizes[index] - head_bytes
    return header + side.to_bytes(kind.side_info, "big") + contents.ljust(room - len(following), b"\0") + following


class Splitter:
    """Split a stream of bytes into frames, all of one kind."""

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self._rest = b""

    def split(self, data: bytes) -> Iterator[bytes]:
        """Yield the frames that are complete. Raises NotMp3 for anything that is not a Layer III frame."""
        data = self._rest + data
        start, length = 0, len(data)
        while start + 4 <= length:
            channels = 1 if data[start + 3] >> 6 == _MONO else 2
            found = _SIZES.get(data[start + 1] << 16 | data[start + 2] << 8 | channels)
            if found is None or data[start] != 0xFF:
                raise NotMp3
            kind, size = found
            if kind is not self.kind:
                if self.kind not in (None, kind):
                    raise NotMp3
                self.kind = kind
            if start + size > length:
                break
            yield data[start : start + size]
            start += size
        self._rest = data[start:]

    def end(self) -> None:
        """Raise NotMp3 if the stream ended within a frame."""
        if self._rest:
            raise NotMp3


@dataclass(frozen=True)
class Gaps:
    """The number of samples that an encoder added before and after the sound; players skip them."""

    delay: int
    padding: int


class Stream:
    """Count the frames of one file for its Info frame."""

    def __init__(self, kind: Kind, bitrate: int | None, quality: int = 0) -> None:
        """Start without frames; `bitrate` in kbit/s, None for VBR; `quality` is LAME's indicator, 0 to 100."""
        self.kind = kind
        self.constant = bitrate is not None
        self.bitrate = bitrate or 0
        self.quality = quality
        self.frames = 0
        self._crc = 0
        self._bounds = array("Q", [0])  # where frames begin and end, in bytes

    @property
    def length(self) -> int:
        """Return the length of all frames in bytes."""
        return self._bounds[-1]

    @property
    def seconds(self) -> float:
        """Return the length of the sound."""
        return self.frames * self.kind.samples / self.kind.rate

    def add(self, data: bytes, sizes: array[int]) -> None:
        """Count the frames in `data`, which have these sizes."""
        self.frames += len(sizes)
        self._bounds.extend(accumulate(sizes, initial=self._bounds.pop()))
        self._crc = crc16.arc(data, self._crc)

    def info_frame(self, gaps: Gaps | None) -> bytes:
        """Return the Info frame, with LAME's fields if `gaps` are known; its size is the same with and without."""
        frame, begin = self._empty_frame()
        total = len(frame) + self.length
        tag = bytearray(b"Info" if self.constant else b"Xing")
        tag += _FIELDS.to_bytes(4, "big") + self.frames.to_bytes(4, "big") + total.to_bytes(4, "big")
        tag += self._toc(len(frame), total) + self.quality.to_bytes(4, "big")
        if gaps is not None:
            tag += _ENCODER + bytes([_CBR if self.constant else _VBR]) + bytes(10)
            tag += bytes([min(self.bitrate, 255)])
            tag += (min(gaps.delay, DELAY_MOST) << 12 | min(gaps.padding, DELAY_MOST)).to_bytes(3, "big")
            tag += bytes(4) + total.to_bytes(4, "big") + self._crc.to_bytes(2, "big")
        frame[begin : begin + len(tag)] = tag
        if gaps is not None:
            end = begin + len(tag)
            frame[end : end + 2] = crc16.arc(bytes(frame[:end])).to_bytes(2, "big")
        return bytes(frame)

    def _empty_frame(self) -> tuple[bytearray, int]:
        """Return a silent frame with room for the tag, and the tag's offset."""
        begin = 4 + self.kind.side_info
        bitrates = _BITRATES_1 if self.kind.version == _MPEG_1 else _BITRATES_2
        for index, size in enumerate(self.kind.sizes(), 1):
            if bitrates[index] >= self.bitrate and size >= begin + _INFO_BYTES:
                break
        rate_index = RATES[self.kind.version].index(self.kind.rate)
        frame = bytearray(size)
        mode = _MONO if self.kind.channels == 1 else 0
        frame[:4] = 0xFF, 0xE0 | self.kind.version << 3 | _LAYER_3 << 1 | 1, index << 4 | rate_index << 2, mode << 6
        return frame, begin

    def _toc(self, before: int, total: int) -> bytes:
        """Return the table of contents: for each percent of the time, the position in 256ths of the file."""
        toc = bytearray(_TOC_ENTRIES)
        for entry in range(1, _TOC_ENTRIES):
            frame = entry * self.frames // _TOC_ENTRIES
            start = before + self._bounds[frame]
            toc[entry] = min(255, start * 256 // total)
        return bytes(toc)


def gaps_of(info_frame: bytes) -> Gaps | None:
    """Return the gaps that an Info frame declares, if it has LAME's fields."""
    for begin in (4 + 9, 4 + 17, 4 + 32):
        if info_frame[begin : begin + 4] in (b"Xing", b"Info"):
            flags = int.from_bytes(info_frame[begin + 4 : begin + 8], "big")
            fields = begin + 8 + sum(length for bit, length in _FIELD_BYTES.items() if flags & bit)
            if info_frame[fields : fields + 4] in (b"LAME", b"Lavf", b"Lavc") and len(info_frame) >= fields + 24:
                both = int.from_bytes(info_frame[fields + 21 : fields + 24], "big")
                return Gaps(both >> 12, both & DELAY_MOST)
    return None

"""Framing: whether bytes are a stream of frames or packets, by the next one being where the last one says."""

from __future__ import annotations

from collections.abc import Callable

# Returns the length of the frame that begins at an offset; 0 if none does.
Length = Callable[[bytes, int], int]

_FRAMES_AT_START = 2
_FRAMES_ANYWHERE = 3

_TRANSPORT_SYNC = 0x47  # ISO/IEC 13818-1 section 2.4.3.2
# Bytes from packet to packet, and to the first sync byte: plain; after a time code (BDAV); before parity (DVB).
_TRANSPORT_PACKETS = ((188, 0), (192, 4), (204, 0))
_PACKETS_AT_START = 3
_PACKETS_ANYWHERE = 5

# ISO/IEC 11172-3 section 2.4.2.3 and ISO/IEC 13818-3: kbit/s by version (0 is MPEG 1) and layer.
_BITRATES = {
    (0, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (1, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (1, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)
_VERSIONS = {3: 0, 2: 1, 0: 2}  # by the header's bits; each halves the rate
_LAYERS = {3: 1, 2: 2, 1: 3}

# ETSI TS 102 366 table 4.13, in kbit/s; two codes for each.
_AC3_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_LAST = 16  # bsid; a larger one is unknown
_AC3_PLAIN = 10  # bsid; a larger one is E-AC-3
_ADTS_HEADER_BYTES = 7


def is_stream(head: bytes, length: Length) -> bool:
    """Tell whether frames follow one another from the first byte, or for longer from a later one."""
    return _follow(head, 0, length, _FRAMES_AT_START) or any(
        _follow(head, at, length, _FRAMES_ANYWHERE) for at in range(1, len(head))
    )


def is_transport_stream(head: bytes) -> bool:
    """Tell whether bytes are an MPEG transport stream, which may begin within a packet."""
    return any(
        _has_packets(head, at, size, _PACKETS_AT_START if at == first else _PACKETS_ANYWHERE)
        for size, first in _TRANSPORT_PACKETS
        for at in range(size)
    )


def mpeg_audio(head: bytes, at: int) -> int:
    """Return the length of a frame of MPEG-1, 2 or 2.5 audio, layer I, II or III."""
    if head[at] != 0xFF or len(head) < at + 4 or head[at + 1] < 0xE0:
        return 0
    version, layer = _VERSIONS.get(head[at + 1] >> 3 & 3), _LAYERS.get(head[at + 1] >> 1 & 3)
    bitrate, rate, padding = head[at + 2] >> 4, head[at + 2] >> 2 & 3, head[at + 2] >> 1 & 1
    if version is None or layer is None or bitrate in (0, 15) or rate == len(_RATES):
        return 0
    low = min(version, 1)
    bits = 1000 * _BITRATES[low, min(layer, 2) if low else layer][bitrate - 1]
    hertz = _RATES[rate] >> version
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (144 >> (low if layer == 3 else 0)) * bits // hertz + padding


def adts(head: bytes, at: int) -> int:
    """Return the length of an ADTS frame of AAC (ISO/IEC 13818-7 section 6.2)."""
    if head[at] != 0xFF or len(head) < at + _ADTS_HEADER_BYTES or head[at + 1] & 0xF6 != 0xF0:
        return 0
    length = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
    return length if length > _ADTS_HEADER_BYTES and head[at + 2] >> 2 & 15 < 13 else 0


def ac3(head: bytes, at: int) -> int:
    """Return the length of a frame of AC-3 or E-AC-3 (ETSI TS 102 366 sections 4.4.1 and E.1.3.1)."""
    if head[at : at + 2] != b"\x0b\x77" or len(head) < at + 6:
        return 0
    version = head[at + 5] >> 3
    if _AC3_PLAIN < version <= _AC3_LAST:
        return ((head[at + 2] & 7) << 8 | head[at + 3]) * 2 + 2
    rate, code = head[at + 4] >> 6, head[at + 4] & 63
    if version > _AC3_LAST or rate == len(_RATES) or code // 2 >= len(_AC3_BITRATES):
        return 0
    bitrate = _AC3_BITRATES[code // 2]
    return 2 * {0: 2 * bitrate, 1: bitrate * 320 // 147 + code % 2, 2: 3 * bitrate}[rate]


def _follow(head: bytes, at: int, length: Length, wanted: int) -> bool:
    """Tell whether so many frames follow one another; the file may end after fewer, but not within one."""
    for number in range(wanted):
        if at == len(head):
            return number > 0 and wanted == _FRAMES_AT_START
        size = length(head, at)
        if not size:
            return False
        at += size
        if at > len(head):
            return number > 0 and wanted == _FRAMES_AT_START
    return True


def _has_packets(head: bytes, at: int, size: int, wanted: int) -> bool:
    return len(head) > at + size * (wanted - 1) and all(
        head[at + size * number] == _TRANSPORT_SYNC for number in range(wanted)
    )

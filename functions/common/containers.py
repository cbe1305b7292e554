"""Containers: which files are media, told by the structure of their first bytes, and the demuxers that open them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import NamedTuple

from functions.common import framing

HEAD_BYTES = 8192  # enough to tell

# ISO/IEC 14496-12 and QuickTime: boxes that a file or a piece of a stream may begin with.
_BOXES = frozenset(b"ftyp styp moov moof mdat free skip wide pnot sidx ssix emsg prft pdin uuid udta junk".split())
_BOX_LEAST_BYTES = 8
_BOX_SPECIAL_SIZES = (0, 1)  # to the end of the file; in the next eight bytes
# Major brands of pictures, which look like videos otherwise (ISO/IEC 23008-12, AV1's and Canon's).
_PICTURES = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"miaf", b"avif", b"crx ", b"jxl "})
_JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
_MOTION_JPEG_2000 = b"ftypmjp2"

_W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_MXF = bytes.fromhex("060e2b34020501010d0102")  # SMPTE ST 377-1 section 7.1; up to 64 kB may come before it
# ISO/IEC 13818-1 section 2.5: a pack, a system header, or a packet of a stream.
_PROGRAM_STREAM = re.compile(rb"\0\0\x01[\xba-\xbf\xc0-\xef]")
# Video without a container: MPEG-1 and 2, MPEG-4, H.264 and H.265.
_VIDEO = re.compile(
    rb"\0\0\0?\x01([\xb0\xb3\xb5\xb6]|\x09[\x10\x30\x50\x70\x90\xb0\xd0\xf0]|[\x27\x47\x67]|[\x40\x42\x46]\x01)"
)
# SMPTE ST 314: the header's block, then the subcode's.
_DV = re.compile(rb"\x1f\x07\0[\x3f\xbf].{76}\x3f", re.DOTALL)
# ETSI TS 102 114: sync words of 16 and 14 bits, in both orders of bytes, and of the HD file format.
_DTS = (b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8", b"DTSHDHDR")
_TEXT_CONTROLS = frozenset(b"\t\n\f\r\x1b")


class Container(NamedTuple):
    """A kind of file: ffmpeg's demuxers for it, and whether a file that begins with some bytes is one."""

    name: str
    demuxers: str
    fits: Callable[[bytes], bool]


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _form(group: bytes, *kinds: bytes) -> Callable[[bytes], bool]:
    """Return a test for the chunk that begins an IFF or RIFF file."""
    return lambda head: head.startswith(group) and head[8:12] in kinds


def _framed(length: framing.Length) -> Callable[[bytes], bool]:
    return lambda head: framing.is_stream(head, length)


def _matches(pattern: re.Pattern[bytes]) -> Callable[[bytes], bool]:
    return lambda head: pattern.match(head) is not None


def _has_boxes(head: bytes) -> bool:
    if head.startswith(_JPEG_2000):
        return _MOTION_JPEG_2000 in head[: len(_JPEG_2000) + 16]
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind not in _BOXES or not (size >= _BOX_LEAST_BYTES or size in _BOX_SPECIAL_SIZES):
        return False
    return kind != b"ftyp" or head[8:12] not in _PICTURES


# What has a signature comes before what has only frames.
CONTAINERS = (
    Container("MP4, MOV, 3GP", "mov,mp4,m4a,3gp,3g2,mj2", _has_boxes),
    Container("Matroska, WebM", "matroska,webm", _starts(b"\x1a\x45\xdf\xa3")),
    Container("AVI", "avi", _form(b"RIFF", b"AVI ", b"AVIX")),
    Container("WAV", "wav", lambda head: head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"),
    Container("Wave64", "w64", _starts(_W64)),
    Container("FLV", "flv", _starts(b"FLV\x01")),
    Container("ASF, WMV", "asf", _starts(_ASF)),
    Container("Ogg", "ogg", _starts(b"OggS")),
    Container("RealMedia", "rm", _starts(b".RMF", b".ra\xfd")),
    Container("MXF", "mxf", lambda head: _MXF in head),
    Container("NUT", "nut", _starts(b"nut/multimedia container\0")),
    Container("IVF", "ivf", _starts(b"DKIF")),
    Container("FLAC", "flac", _starts(b"fLaC")),
    Container("AIFF", "aiff", _form(b"FORM", b"AIFF", b"AIFC")),
    Container("CAF", "caf", _starts(b"caff\0\x01")),
    Container("AU", "au", _starts(b".snd\0\0")),
    Container("AMR", "amr", _starts(b"#!AMR")),
    Container("True Audio", "tta", _starts(b"TTA1", b"TTA2")),
    Container("WavPack", "wv", _starts(b"wvpk")),
    Container("Monkey's Audio", "ape", _starts(b"MAC ")),
    Container("DTS", "dts,dtshd", _starts(*_DTS)),
    Container("DV", "dv", _matches(_DV)),
    Container("MPEG transport stream", "mpegts", framing.is_transport_stream),
    # A tag may stand before MP3, and before others too.
    Container("MP3, MP2", "mp3", lambda head: head.startswith(b"ID3") or framing.is_stream(head, framing.mpeg_audio)),
    Container("AAC", "aac", _framed(framing.adts)),
    Container("AC-3", "ac3,eac3", _framed(framing.ac3)),
    Container("MPEG program stream", "mpeg", _matches(_PROGRAM_STREAM)),
    Container("video without a container", "mpegvideo,h264,hevc,m4v", _matches(_VIDEO)),
)
DEMUXERS = ",".join(each.demuxers for each in CONTAINERS)


def recognized(head: bytes) -> Container | None:
    """Return the container of a file that begins with `head`; None for anything that is not media."""
    if _is_text(head):
        return None
    return next((each for each in CONTAINERS if each.fits(head)), None)


def _is_text(head: bytes) -> bool:
    """Tell whether bytes are UTF-8 without control characters: words may begin like a box."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head)

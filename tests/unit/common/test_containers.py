"""Containers: all kinds of media are recognized by the structure of their first bytes, and nothing else is."""

from __future__ import annotations

import io
import zipfile

import pytest

from functions.common.containers import CONTAINERS, DEMUXERS, HEAD_BYTES, recognized

REST = bytes(400)

# The first bytes as written by ffmpeg, cameras, iTunes and the programs of old formats.
SIGNATURES = {
    "MP4": "000000206674797069736f6d",
    "fragmented MP4": "00000024667479706973 6f35000002006973 6f3569736f36",
    "MP4 of an adaptive stream": "000000186674797064617368 0000000069736f366d703431",
    "piece of an adaptive stream": "00000018737479706d736468 000000006d7364686d736978",
    "piece without a type": "0000002c73696478 00000000",
    "fragment": "000000406d6f6f66 000000106d666864",
    "MP4 of a Sony camera": "0000001c6674797058415643 00fd1fff",
    "MP4 of a GoPro": "000000146674797 06d703431 20130408",
    "MP4 of brand avc1": "0000001c6674797061766331 00000000",
    "CMAF": "0000001c66747970636d6663 00000000",
    "3GPP2": "000000186674797033673261 00010000",
    "MP4 of an unknown brand": "0000001c667479707a7a7a7a 00000000",
    "HEVC image sequence": "00000018667479706d736631 00000000",
    "MOV": "000000146674797071742020 0000020071742020",
    "MOV without a type": "00000008776964650000 2af56d646174",
    "MOV that begins with its index": "0000a1b26d6f6f76 0000006c6d766864",
    "MOV that begins with its data": "00a1b2c36d646174 0123",
    "MOV that begins with 64-bit data": "000000016d646174 0000000200000000",
    "MOV that begins with free space": "0000100066726565 00000000",
    "M4A of iTunes": "000000206674797 04d344120 00000000 4d34412 06d703432",
    "M4A of ffmpeg": "0000001c667479704d344120000002004d34412069736f6d",
    "F4V": "000000206674797066347620",
    "3GP": "0000001c6674797033677034",
    "ISMV": "000000186674797069736d6c0000020069736d6c70696666",
    "Motion JPEG 2000": "0000000c6a5020200d0a870a 00000014667479706d6a7032",
    "Matroska": "1a45dfa3a34286810142f7810142f2810442f381084282886d6174726f736b61",
    "WebM": "1a45dfa39f4286810142f7810142f2810442f381084282847765626d",
    "AVI": "5249464624630000415649204c495354",
    "WAV": "524946462463000057415645666d7420",
    "RF64": "52463634ffffffff57415645647336341c",
    "BW64": "42573634ffffffff57415645647336341c",
    "Wave64": "726966662e91cf11a5d628db04c10000 e023010000000000 77617665f3acd311",
    "FLV": "464c56010500000009",
    "Ogg": "4f67675300020000",
    "ASF": "3026b2758e66cf11a6d900aa0062ce6c",
    "MPEG program stream": "000001ba2100010001a1a1ad000001bb",
    "MPEG-2 program stream": "000001ba44000400040143435bf8",
    "program stream that begins with sound": "000001c0071e8480",
    "program stream that begins with pictures": "000001e007e68100",
    "MPEG-2 video": "000001b314003c12",
    "MPEG-4 video": "000001b001000001b5",
    "H.264": "000000016764000aacd9",
    "H.264 with a delimiter": "0000000109f00000000167",
    "H.265": "0000000140010c01ffff",
    "RealMedia": "2e524d460000001200",
    "RealAudio": "2e7261fd00040000",
    "FLAC": "664c614300000022",
    "AIFF": "464f524d000158b641494646434f4d4d",
    "AIFF-C": "464f524d000158b641494643464f4d4d",
    "CAF": "63616666000100006465736300",
    "AU": "2e736e640000002000",
    "MP3 with tags": "494433040000",
    "AMR": "2321414d520a3c24",
    "AMR-WB": "2321414d522d57420a",
    "MXF": "060e2b34020501010d01020101020400",
    "NUT": "6e75742f6d756c74696d6564696120636f6e7461696e657200",
    "IVF": "444b49460000200056503830",
    "True Audio": "5454413101000200",
    "WavPack": "7776706b5a0000001004",
    "Monkey's Audio": "4d414320960f0000",
    "DTS": "7ffe8001fc3c7db0",
    "DTS in the other order": "fe7f01803cfcb07d",
    "DTS of 14 bits": "1fffe80007f1",
    "DTS-HD": "4454534844484452 00000000",
}

# Headers of frames and how long such frames are, by the standards' tables.
FRAMES = {
    "MP3": ("fffb50c4", 208),
    "MP3 with padding": ("fffb52c4", 209),
    "MP3 with checksums": ("fffa50c4", 208),
    "MP3 of 22 kHz": ("fff370c4", 182),
    "MP3 of 11 kHz": ("ffe320c4", 104),
    "MP3 of 320 kbit/s": ("fffbe0c4", 1044),
    "MP2": ("fffd80c4", 417),
    "MP2 of 24 kHz": ("fff584c4", 384),
    "MP1": ("ffff84c4", 256),
    "AAC": ("fff1508001dffc", 14),
    "AAC with checksums": ("fff05080 0a1ffc", 80),
    "MPEG-2 AAC": ("fff950800a1ffc", 80),
    "AC-3 of 48 kHz": ("0b777862141f", 768),
    "AC-3 of 44.1 kHz": ("0b77786255 40", 836),
    "AC-3 of 32 kHz": ("0b7778629440", 1152),
    "E-AC-3": ("0b77013f3f80", 640),
}


def head_of(kind: str) -> bytes:
    return bytes.fromhex(SIGNATURES[kind].replace(" ", ""))


def frames(kind: str, count: int) -> bytes:
    header, length = FRAMES[kind]
    return bytes.fromhex(header.replace(" ", "")).ljust(length, b"\x5a") * count


def is_media(head: bytes) -> bool:
    return recognized(head) is not None


@pytest.mark.parametrize("kind", SIGNATURES)
def test_media_are_recognized_by_their_signature(kind: str) -> None:
    assert is_media(head_of(kind) + REST)
    assert kind == "MXF" or not is_media(b"\n" + head_of(kind) + REST)


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_are_recognized_by_those_that_follow(kind: str) -> None:
    assert is_media(frames(kind, 1))
    assert is_media(frames(kind, 2) + REST)
    assert is_media(frames(kind, 40)[:HEAD_BYTES])
    assert not is_media(frames(kind, 1) + REST)
    assert not is_media(frames(kind, 1)[:-1])
    assert not is_media(frames(kind, 1) + b"\0" + frames(kind, 1) + REST)


@pytest.mark.parametrize("kind", FRAMES)
def test_a_stream_of_frames_may_begin_anywhere(kind: str) -> None:
    """A recording begins within a frame, or something stands before the first one."""
    assert is_media((frames(kind, 5)[FRAMES[kind][1] // 2 :] + REST)[:HEAD_BYTES])
    assert is_media(bytes(100) + frames(kind, 3) + REST)
    assert not is_media(bytes(100) + frames(kind, 2) + REST)


def test_a_header_stands_before_a_second_one_in_an_mxf_file() -> None:
    """SMPTE ST 377-1 section 6.5: something else may stand before the header partition."""
    assert is_media(bytes(1000) + head_of("MXF"))


def test_dv_has_a_header_and_a_subcode() -> None:
    block = b"\x1f\x07\0\x3f".ljust(80, b"\xff")
    assert is_media(block + b"\x3f\x07\0" + REST)
    assert not is_media(block + REST)


def test_the_demuxers_are_those_of_the_containers() -> None:
    names = DEMUXERS.split(",")
    assert len(names) == len(set(names))
    assert {"mov", "matroska", "mpegts", "mp3", "tta", "wv", "ape", "dts"} <= set(names)
    assert not {"concat", "hls", "dash", "image2", "sdp", "tty", "txt"} & set(names), "these read other files, or text"
    assert len({each.name for each in CONTAINERS}) == len(CONTAINERS)


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.mp4", "x" * 5000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "head",
    [
        b"x",
        bytes(4096),
        b"some text\n" * 50,
        archive(),
        b"%PDF-1.7\n",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"GIF89a" + bytes(99),
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"MZ" + bytes(200),
        b"\x7fELF\2\1\1" + bytes(50),
        b"<html></html>",
        "text in UTF-16".encode("utf-16"),
        b"#!/bin/sh\nrm -rf /\n",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"[playlist]\nFile1=file:///etc/passwd\n",
        b"ffconcat version 1.0\nfile 'x'\n",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk",
        b"\xff\xf3\xf0\xc4" + bytes(99),
        b"\xff\xf3\x00\xc4" + bytes(99),
        b"\xff\xff\xff\xff" + bytes(99),
        b"I'm free now, and so are you.\n" * 20,
        b"The mdat box holds the data.\n" * 20,
        b"\0\0\0\x07mdat" + bytes(99),
        b"\0\0\0\x1cftypjxl \0\0\0\0jxl ",
        b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99),
        b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ",
        b"FORM\0\0\0\x20ILBMBMHD" + bytes(99),
        b"RIFF\0\0\0\x20RMIDdata" + bytes(99),
        b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(99),
        b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(99),
        b"\x1f\x8b\x08\0\0\0\0\0" + bytes(99),
        b"\x1f\x07\0\0" + bytes(99),
        b"SQLite format 3\0" + bytes(99),
    ],
    ids=lambda head: head[:10].hex(),  # in an archive, the time follows
)
def test_other_files_are_refused(head: bytes) -> None:
    """Text, archives, programs, pictures, playlists and notes."""
    assert not is_media(head)


def packets(*sync: int, length: int) -> bytes:
    """Return `length` bytes with the sync byte of transport streams at these offsets."""
    head = bytearray(b"\xa5" * length)
    for place in sync:
        head[place] = 0x47
    return bytes(head)


@pytest.mark.parametrize(
    ("head", "media"),
    [
        (packets(0, 188, 376, length=377), True),
        (packets(4, 196, 388, length=389), True),
        (packets(0, 204, 408, length=409), True),
        (packets(0, 188, 376, length=8192), True),
        (packets(0, 188, length=376), False),
        (packets(4, 196, length=388), False),
        (packets(0, 188, length=8192), False),
        (packets(0, 376, length=8192), False),
        (packets(188, 376, length=8192), False),
        (packets(4, 192, 380, length=8192), False),
        (packets(0, 192, 384, length=8192), False),
        (packets(*range(100, 1000, 188), length=1000), True),
        (packets(*range(187, 8192, 188), length=8192), True),
        (packets(*range(191, 8192, 192), length=8192), True),
        (packets(*range(203, 8192, 204), length=8192), True),
        (packets(*range(100, 700, 188), length=8192), False),
    ],
)
def test_a_transport_stream_has_its_sync_byte_in_each_packet(head: bytes, media: bool) -> None:
    """In three packets at the beginning; in five, if the file begins within a packet."""
    assert is_media(head) == media

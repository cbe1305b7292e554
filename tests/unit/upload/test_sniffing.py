"""Sniffing: all kinds of media are recognized by their first bytes, and nothing else is."""

from __future__ import annotations

import io
import zipfile

import pytest

from functions.common.errors import NOT_MEDIA, Failure
from functions.upload.sniffing import require_media

REST = bytes(400)

# The first bytes as written by ffmpeg, cameras and iTunes.
MEDIA = {
    "MP4": "000000206674797069736f6d",
    "fragmented MP4": "00000024667479706973 6f35000002006973 6f3569736f36",
    "MP4 of an adaptive stream": "000000186674797064617368 0000000069736f366d703431",
    "MP4 of a Sony camera": "0000001c6674797058415643 00fd1fff",
    "MP4 of brand avc1": "0000001c6674797061766331 00000000",
    "MOV": "000000146674797071742020 0000020071742020",
    "MOV without a type": "00000008776964650000 2af56d646174",
    "M4A of iTunes": "000000206674797 04d344120 00000000 4d34412 06d703432",
    "M4A of ffmpeg": "0000001c667479704d344120000002004d34412069736f6d",
    "F4V": "000000206674797066347620",
    "3GP": "0000001c6674797033677034",
    "ISMV": "000000186674797069736d6c0000020069736d6c70696666",
    "Matroska": "1a45dfa3a34286810142f7810142f2810442f381084282886d6174726f736b61",
    "WebM": "1a45dfa39f4286810142f7810142f2810442f381084282847765626d",
    "AVI": "5249464624630000415649204c495354",
    "WAV": "524946462463000057415645666d7420",
    "FLV": "464c56010500000009",
    "Ogg": "4f67675300020000",
    "ASF": "3026b2758e66cf11a6d900aa0062ce6c",
    "MPEG program stream": "000001ba2100010001a1a1ad000001bb",
    "MPEG-2 program stream": "000001ba44000400040143435bf8",
    "RealMedia": "2e524d460000001200",
    "FLAC": "664c614300000022",
    "AIFF": "464f524d000158b641494646434f4d4d",
    "AAC": "fff1504020fffcdc",
    "AC-3": "0b7778624c402f84",
    "MP3 with tags": "494433040000",
    "MP3": "fffb50c40000074c",
    "MP3 with checksums": "fffa50c40000074c",
    "MP3 of 22 kHz": "fff370c000000000",
    "MP3 of 11 kHz": "ffe320c4001450aa",
    "MP2": "fffde0c4eccccbdcb0",
    "AMR": "2321414d520a3c24",
    "AMR-WB": "2321414d522d57420a",
    "MXF": "060e2b34020501010d01020101020400",
}


def is_media(head: bytes) -> bool:
    try:
        require_media(head)
    except Failure as failure:
        if failure.kind is not NOT_MEDIA:
            raise
        return False
    return True


@pytest.mark.parametrize("kind", MEDIA)
def test_media_is_recognized_by_its_first_bytes(kind: str) -> None:
    head = bytes.fromhex(MEDIA[kind].replace(" ", ""))
    assert is_media(head + REST)
    assert not is_media(b"\n" + head + REST)


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
        (packets(0, 188, 376, length=4096), True),
        (packets(0, 188, length=376), False),
        (packets(4, 196, length=388), False),
        (packets(0, 188, length=4096), False),
        (packets(0, 376, length=4096), False),
        (packets(188, 376, length=4096), False),
        (packets(0, 192, 384, length=4096), False),
        (packets(4, 192, 380, length=4096), False),
    ],
)
def test_a_transport_stream_has_its_sync_byte_in_three_packets(head: bytes, media: bool) -> None:
    assert is_media(head) == media

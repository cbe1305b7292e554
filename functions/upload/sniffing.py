"""Sniffing: whether a file is media, by its first bytes; its name and declared type are not reliable."""

from __future__ import annotations

import re

import puremagic

from functions.common.errors import NOT_MEDIA, Failure

HEAD_BYTES = 4096

# MIDI files and playlists contain no sound.
_MEDIA = re.compile(r"(video|audio)/(?!(x-)?(midi|mpegurl|scpls))|application/(x-matroska|ogg|mxf|vnd\.rn-realmedia)")
# puremagic recognises transport streams and MXF files only by name. A transport stream has a sync byte every 188
# bytes, or every 192 with time codes (ISO/IEC 13818-1 section 2.4.3.2; BDAV); an MXF file begins with the key of its
# header partition (SMPTE ST 377-1 section 7.1).
_TRANSPORT_STREAMS = ((0, 188), (4, 192))
_TRANSPORT_SYNC = 0x47
_TRANSPORT_PACKETS = 3
_MXF = bytes.fromhex("060e2b34020501010d0102")
# puremagic knows few brands of MP4 files (ISO/IEC 14496-12 section 4.3): not those of iTunes, streams and cameras.
# Pictures have brands in the same place.
_FILE_TYPE_BOX = b"ftyp"
_PICTURES = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"crx "})
# Of MPEG audio without tags, puremagic knows only MPEG-1 layer III without checksums; layers II and III of MPEG-1, 2
# and 2.5 begin like this (ISO/IEC 11172-3 section 2.4.1.3). It does not report AMR as audio (RFC 4867 section 5).
_MPEG_AUDIO = re.compile(rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][\x10-\xef]")
_AMR = b"#!AMR"


def require_media(head: bytes) -> None:
    """Raise Failure(NOT_MEDIA) unless a file that begins with `head` is video or audio."""
    if head[4:8] == _FILE_TYPE_BOX:
        is_media = head[8:12] not in _PICTURES
    else:
        is_media = _has_signature(head) or _is_known_media(head)
    if not is_media:
        raise Failure(NOT_MEDIA)


def _has_signature(head: bytes) -> bool:
    return head.startswith((_MXF, _AMR)) or _MPEG_AUDIO.match(head) is not None or _is_transport_stream(head)


def _is_known_media(head: bytes) -> bool:
    try:
        matches = puremagic.magic_string(head)
    except puremagic.PureError:
        return False
    best = max(match.confidence for match in matches)
    return any(_MEDIA.match(match.mime_type) for match in matches if match.confidence == best)


def _is_transport_stream(head: bytes) -> bool:
    return any(
        len(head) > offset + size * (_TRANSPORT_PACKETS - 1)
        and all(head[offset + size * number] == _TRANSPORT_SYNC for number in range(_TRANSPORT_PACKETS))
        for offset, size in _TRANSPORT_STREAMS
    )

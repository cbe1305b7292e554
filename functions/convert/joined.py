"""Joined files: several whole Matroska or WebM files in one, of which ffmpeg reads the first."""

from __future__ import annotations

import mmap
from pathlib import Path

_HEADER = b"\x1a\x45\xdf\xa3"  # EBML (RFC 8794 section 11.2.1)
_TYPES = (b"\x42\x82\x84webm", b"\x42\x82\x88matroska")  # DocType, with its length (RFC 8794 section 11.2.7)
_HEADER_MOST_BYTES = 80


def is_joined(source: Path, demuxer: str) -> bool:
    """Tell whether another file begins within this one."""
    if not demuxer.startswith("matroska"):
        return False
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(_HEADER, 1)
        while at >= 0:
            # Any four bytes may occur in a video.
            if any(kind in content[at : at + _HEADER_MOST_BYTES] for kind in _TYPES):
                return True
            at = content.find(_HEADER, at + 1)
    return False

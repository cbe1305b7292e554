"""Joined files: several whole files in one, of which ffmpeg does not read all."""

from __future__ import annotations

import re
from pathlib import Path

from functions.convert.cage import Cage

_HEADER = b"\x1a\x45\xdf\xa3"  # EBML (RFC 8794 section 11.2.1)
_TYPE = re.compile(rb"\x42\x82(?:\x84webm|\x88matroska)")  # DocType, with its length (RFC 8794 section 11.2.7)
_HEADER_MOST_BYTES = 80
_BLOCK_BYTES = 2**20


def is_joined(source: Path, demuxer: str, cage: Cage, *, broken_off: bool) -> bool:
    """Tell whether another file begins within this one, and is not heard. Raises Failure(CONVERT_TIMED_OUT).

    `broken_off` tells whether ffmpeg stopped within it: the parts of a chained Ogg file (RFC 3533 section 4) are heard
    up to one with other channels.
    """
    if demuxer == "ogg":
        return broken_off
    if not demuxer.startswith("matroska"):
        return False
    with source.open("rb") as file:
        kept = file.read(_HEADER_MOST_BYTES)[len(_HEADER) :]  # without the header of the first file
        while block := file.read(_BLOCK_BYTES):
            cage.check()
            seen = kept + block
            # Either may occur by chance in a video, but not so near each other.
            if any(
                _HEADER in seen[max(0, found.start() - _HEADER_MOST_BYTES) : found.start()]
                for found in _TYPE.finditer(seen)
            ):
                return True
            kept = seen[-2 * _HEADER_MOST_BYTES :]
    return False

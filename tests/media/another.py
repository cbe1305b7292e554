"""Other videos with the same content, for tests of encoding: what a user sent before is not encoded again."""

from __future__ import annotations

import secrets
import struct
from pathlib import Path

_SEGMENT_ID = b"\x73\xa4\x90"  # Matroska's element with 16 bytes
_ID_BYTES = 16
_WITHIN = 4096


def another(content: bytes) -> bytes:
    """Return an MP4, MKV or AVI that differs in what nobody hears or sees: a box, the segment's id, a chunk."""
    if content[4:8] == b"ftyp":
        return content + struct.pack(">I4s", 8 + _ID_BYTES, b"free") + secrets.token_bytes(_ID_BYTES)
    if content[:4] == b"RIFF":
        return content + struct.pack("<4sI", b"JUNK", _ID_BYTES) + secrets.token_bytes(_ID_BYTES)
    at = content.index(_SEGMENT_ID, 0, _WITHIN) + len(_SEGMENT_ID)
    return content[:at] + secrets.token_bytes(_ID_BYTES) + content[at + _ID_BYTES :]


def another_file(path: Path) -> Path:
    """Write another video beside this one, under the same name in a new folder, and return its path."""
    folder = path.parent / secrets.token_hex(8)
    folder.mkdir()
    made = folder / path.name
    made.write_bytes(another(path.read_bytes()))
    return made

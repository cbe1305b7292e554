"""The picture in an MP3: where it is, as noted with the job, or for MP3s of earlier versions, as their tag says."""

from __future__ import annotations

from typing import Any

from functions.backends.files import Reader

_BEGIN = b"ID3\x04\0\0"  # ID3v2.4.0, without flags, as convert writes it
_HEADER_BYTES = 10
# Frames before the picture are texts and chapters, of at most 340 KB together: convert puts the largest last.
_MOST_READ_BYTES = 384 * 1024


def place(mp3: dict[str, Any], reader: Reader) -> tuple[int, int] | None:
    """Return where the picture of an MP3 begins and ends; None if it has none. Raises Failure(UNAVAILABLE)."""
    if "picture" not in mp3:
        return _in_tag(b"".join(reader.blocks(0, min(reader.length, _MOST_READ_BYTES))), reader.length)
    noted = mp3["picture"]
    return (noted[0], noted[1]) if noted else None


def _in_tag(head: bytes, length: int) -> tuple[int, int] | None:
    """Find the picture in the first bytes of an MP3 (ID3v2.4.0 structure, sections 3.1 and 4; frames, section 4.14)."""
    if not head.startswith(_BEGIN):
        return None
    end = min(_HEADER_BYTES + _number(head[6:10]), length)
    frame = _HEADER_BYTES
    while frame + _HEADER_BYTES <= min(end, len(head)) and head[frame]:  # zeros are padding
        content = frame + _HEADER_BYTES
        following = content + _number(head[frame + 4 : frame + 8])
        if head[frame : frame + 4] == b"APIC":
            # The encoding of the description, the type of media, the kind of picture, and the description.
            kind = head.find(b"\0", content + 1) + 1
            start = head.find(b"\0", kind + 1) + 1 if kind else 0
            return (start, following) if 0 < start < following <= end else None
        frame = following
    return None


def _number(field: bytes) -> int:
    """Return a number of four bytes with seven bits each (ID3v2.4.0 structure, section 6.2)."""
    return sum(byte << shift for byte, shift in zip(field, (21, 14, 7, 0), strict=True))

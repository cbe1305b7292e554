"""Tags: the ID3v2.4 tag at the beginning of an MP3."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import mutagen.id3

from functions.convert import metadata
from functions.convert.metadata import CHAPTERS_MOST, Chapter

TEXTS = {"title": "TIT2", "artist": "TPE1", "album": "TALB"}  # those that options may set

_HEADER_BYTES = 10
_MOST_BYTES = 2**24
_UTF_8 = 3
_FRONT_COVER = 3
_MOST_MILLISECONDS = 2**32 - 1
_NO_OFFSET = 2**32 - 1  # chapters are located by time
# mutagen would take the letters TAG within the last 128 bytes for an ID3v1 tag, and cut it off.
_PADDING_BYTES = 128
_TRACK = re.compile(r"[0-9]{1,4}(?:/[0-9]{1,4})?")
_DATE = re.compile(r"([0-9]{4})(?:[-/.]?(0[1-9]|1[0-2])(?:[-/.]?(0[1-9]|[12][0-9]|3[01]))?)?(?![0-9])")


def encoded(
    *,
    title: str | None = None,
    artist: str | None = None,
    album: str | None = None,
    date: str | None = None,
    others: Mapping[str, str] | None = None,
    chapters: Sequence[Chapter] = (),
    cover: bytes | None = None,
    length: int = 0,
) -> bytes:
    """Return the tag to write before the first frame of an MP3; b"" if it would be empty.

    `others` are tags by the names in OTHERS. Chapters are in seconds of that MP3; `cover` is a JPEG; a date counts as
    far as it can be read, year first, and a track's number if it is one. With a `length`, the tag is padded to exactly
    that many bytes, to fill space that was reserved for a longer one. Raises ValueError if it does not fit.
    """
    given = {"title": title, "artist": artist, "album": album}
    texts = {TEXTS[name]: value for name, value in given.items()} | {"TDRC": _date(date or "")}
    for name, (frame, read) in _OTHERS.items():
        texts[frame] = read((others or {}).get(name, ""))
    tag = _tag(texts, chapters, cover)
    if not tag and not length:
        return b""
    written = _saved(tag, length)
    if length and len(written) != length:
        raise ValueError(f"a tag of {len(written)} bytes does not fit into {length}")
    return written


def split(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the tag at the beginning of an MP3 that this room made, b"" if there is none, and the rest of its blocks.

    Raises ValueError if the tag is longer than any that is written.
    """
    head = b""
    for block in blocks:
        head += block
        size = _size(head)
        if size > _MOST_BYTES:
            raise ValueError("no tag of this program is that long")
        if len(head) >= max(_HEADER_BYTES, size):
            return head[:size], chain([head[size:]], blocks)
    return b"", iter([head])


def changed(tag: bytes, texts: Mapping[str, str | None], *, with_cover: bool) -> bytes:
    """Return a tag of `encoded` with these texts, by the names of its arguments, instead of its own."""
    id3: Any = mutagen.id3
    made = id3.ID3(io.BytesIO(tag)) if tag else id3.ID3()
    for name, value in texts.items():
        made.delall(TEXTS[name])
        made.update(_tag({TEXTS[name]: value}, (), None))
    if not with_cover:
        made.delall("APIC")
    return _saved(made) if made else b""


def picture(tag: bytes) -> list[int] | None:
    """Return where the picture begins and ends in a tag of `encoded`; None if it has none."""
    id3: Any = mutagen.id3
    pictures = id3.ID3(io.BytesIO(tag)).getall("APIC") if tag else []
    if not pictures:
        return None
    data: bytes = pictures[0].data
    start = tag.index(data)
    return [start, start + len(data)]


def _size(head: bytes) -> int:
    """Return the length of the tag that bytes begin with (ID3v2.4.0 structure, section 3.1)."""
    if head[:3] != b"ID3" or len(head) < _HEADER_BYTES:
        return 0
    return _HEADER_BYTES + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def shifted(chapters: Sequence[Chapter], start: float, length: float | None, speed: float = 1.0) -> tuple[Chapter, ...]:
    """Return the chapters of an MP3 that begins at `start` seconds of the source and lasts `length` seconds.

    `speed` is how much faster than the source it plays. The remaining part of a cut chapter is kept. If the length is
    None because it is not known yet, nothing is cut at the end: no length makes the tag longer than that.
    """
    most = float("inf") if length is None else length
    moved = (
        Chapter(max(0.0, (each.start - start) / speed), min(most, (each.end - start) / speed), each.title)
        for each in chapters
    )
    return tuple(each for each in moved if _milliseconds(each.end) > _milliseconds(each.start))


def _saved(tag: Any, length: int = 0) -> bytes:
    file = io.BytesIO()
    tag.save(file, v1=0, v2_version=4, padding=lambda info: max(_PADDING_BYTES, length + info.padding))
    return file.getvalue()


def _tag(texts: dict[str, str | None], chapters: Sequence[Chapter], cover: bytes | None) -> Any:
    id3: Any = mutagen.id3
    tag = id3.ID3()
    for name, value in texts.items():
        if line := metadata.text(value or ""):
            more = {"lang": "und", "desc": ""} if name == "COMM" else {}
            tag.add(id3.Frames[name](encoding=_UTF_8, text=[line], **more))
    names = [f"chp{number}" for number in range(len(chapters[:CHAPTERS_MOST]))]
    for name, chapter in zip(names, chapters, strict=False):
        tag.add(_chapter(id3, name, chapter))
    if names:
        flags = id3.CTOCFlags.TOP_LEVEL | id3.CTOCFlags.ORDERED
        tag.add(id3.CTOC(element_id="toc", flags=flags, child_element_ids=names, sub_frames=[]))
    if cover:
        tag.add(id3.APIC(encoding=_UTF_8, mime="image/jpeg", type=_FRONT_COVER, desc="", data=cover))
    return tag


def _chapter(id3: Any, name: str, chapter: Chapter) -> Any:
    title = metadata.text(chapter.title)
    return id3.CHAP(
        element_id=name,
        start_time=_milliseconds(chapter.start),
        end_time=_milliseconds(chapter.end),
        start_offset=_NO_OFFSET,
        end_offset=_NO_OFFSET,
        sub_frames=[id3.TIT2(encoding=_UTF_8, text=[title])] if title else [],
    )


def _milliseconds(seconds: float) -> int:
    return round(min(max(seconds * 1000, 0.0), _MOST_MILLISECONDS))


def _date(text: str) -> str:
    found = _DATE.match(text)
    return "-".join(part for part in found.groups() if part) if found else ""


def _track(text: str) -> str:
    found = _TRACK.fullmatch(text)
    return text if found else ""


# ID3's frames for further tags, and how their values are read.
_OTHERS: dict[str, tuple[str, Callable[[str], str]]] = {
    "genre": ("TCON", str),
    "composer": ("TCOM", str),
    "track": ("TRCK", _track),
    "comment": ("COMM", str),
}
OTHERS = tuple(_OTHERS)

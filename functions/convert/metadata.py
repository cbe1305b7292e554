"""Metadata: a file's tags and chapters, read from ffmpeg's text format, cleaned and limited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from functions.common import lines

CHAPTERS_MOST = 255  # as many as an ID3v2 table of contents can hold
# The tags that are kept, by the names that ffmpeg gives them, the best first: its own, and those of QuickTime's keys.
_QUICKTIME = "com.apple.quicktime."
_WANTED = {
    "title": ("title", _QUICKTIME + "title", _QUICKTIME + "displayname"),
    "artist": ("artist", _QUICKTIME + "artist", _QUICKTIME + "author", "author"),
    "album": ("album", _QUICKTIME + "album"),
    "date": ("date", "year", _QUICKTIME + "creationdate", _QUICKTIME + "year"),
    "genre": ("genre", _QUICKTIME + "genre"),
    "composer": ("composer", _QUICKTIME + "composer"),
    "track": ("track", "tracknumber"),
    "comment": ("comment", _QUICKTIME + "comment", "description", _QUICKTIME + "description"),
}

# ffmpeg's text format escapes `=`, `;`, `#`, `\` and line ends in names and values, so a tag cannot forge a section or
# another entry.
_LINE = re.compile(r"((?:[^\\\n]++|\\.)*+)(?:\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"((?:[^\\=]++|\\.)*+)=(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TIMEBASE = re.compile(r"([0-9]{1,18})/([1-9][0-9]{0,18})")
_TIME = re.compile(r"-?[0-9]{1,19}")


@dataclass(frozen=True)
class Chapter:
    """A chapter: start and end in seconds, and a title, which may be empty."""

    start: float
    end: float
    title: str


def read(written: bytes) -> tuple[dict[str, str], tuple[Chapter, ...]]:
    """Return the known tags, with names in lower case, and the chapters in order.

    `written` is what `-f ffmetadata` writes; of a tag that occurs twice, one counts.
    """
    sections = _sections(written.decode(errors="surrogateescape"))
    _, tags = next(sections)
    chapters = (_chapter(entries) for name, entries in sections if name == "[CHAPTER]")
    known = {name.lower(): text(value) for name, value in tags.items()}
    found = {name: next(filter(None, map(known.get, names)), None) for name, names in _WANTED.items()}
    return {name: value for name, value in found.items() if value}, _in_order(chapters)


def text(value: str) -> str:
    """Return a value as one line of at most 300 characters, without control or direction characters.

    A value with bytes that are not UTF-8 (as surrogates) is read as Latin 1, which old taggers wrote.
    """
    raw = value[: 4 * lines.MOST_CHARACTERS].encode(errors="surrogateescape")
    try:
        known = raw.decode()
    except UnicodeDecodeError:
        known = raw.decode("latin-1")
    return lines.line(known)[: lines.MOST_CHARACTERS].rstrip()


def _sections(written: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each section's heading and entries; the first has no heading."""
    heading, entries = "", dict[str, str]()
    for found in _LINE.finditer(written):
        line = found[1]
        if line in ("[CHAPTER]", "[STREAM]"):
            yield heading, entries
            heading, entries = line, {}
        elif entry := _ENTRY.fullmatch(line):
            entries.setdefault(_ESCAPE.sub(r"\1", entry[1]), _ESCAPE.sub(r"\1", entry[2]))
    yield heading, entries


def _chapter(entries: dict[str, str]) -> Chapter | None:
    base = _TIMEBASE.fullmatch(entries.get("TIMEBASE", ""))
    start, end = entries.get("START", ""), entries.get("END", "")
    if not base or not _TIME.fullmatch(start) or not _TIME.fullmatch(end):
        return None
    unit = int(base[1]) / int(base[2])
    titles = (value for name, value in entries.items() if name.lower() == "title")
    return Chapter(int(start) * unit, int(end) * unit, text(next(titles, "")))


def _in_order(chapters: Iterable[Chapter | None]) -> tuple[Chapter, ...]:
    """Sort chapters; one that ends before it begins lasts until the next begins."""
    known: list[Chapter] = []
    for chapter in chapters:
        if len(known) == CHAPTERS_MOST:
            break
        if chapter:
            known.append(chapter)
    known.sort(key=lambda each: each.start)
    following = [*(each.start for each in known), float("inf")][1:]
    return tuple(
        each if each.end > each.start else replace(each, end=until)
        for each, until in zip(known, following, strict=True)
    )

"""Metadata: tags and chapters from ffmpeg's text format, also from hostile files."""

from __future__ import annotations

import pytest

from functions.convert import metadata
from functions.convert.metadata import Chapter


def chapter(start: object, end: object, title: str = "", base: str = "1/1000") -> str:
    """Return a chapter as ffmpeg writes it."""
    return f"[CHAPTER]\nTIMEBASE={base}\nSTART={start}\nEND={end}\n" + (f"title={title}\n" if title else "")


def read(text: str) -> tuple[dict[str, str], tuple[Chapter, ...]]:
    """Parse text after ffmpeg's first line."""
    return metadata.read(b";FFMETADATA1\n" + text.encode(errors="surrogateescape"))


def test_known_tags() -> None:
    tags, chapters = read("Title=A\\=b\\;c\nARTIST=Ada\nencoder=x\ndate=2020\nalbum=  \n")
    assert tags == {"title": "A=b;c", "artist": "Ada", "date": "2020"}
    assert chapters == ()


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("title", "title"),
        ("displayname", "title"),
        ("artist", "artist"),
        ("author", "artist"),
        ("album", "album"),
        ("creationdate", "date"),
        ("year", "date"),
        ("genre", "genre"),
        ("composer", "composer"),
        ("comment", "comment"),
        ("description", "comment"),
    ],
)
def test_quicktime_keys(name: str, tag: str) -> None:
    """Other tags come before them."""
    assert read(f"com.apple.quicktime.{name}=A\n")[0] == {tag: "A"}
    assert read(f"com.apple.quicktime.{name}=A\n{tag}=B\n")[0] == {tag: "B"}


def test_a_tag_with_line_breaks_cannot_forge_others() -> None:
    tags, chapters = read("comment=x\\\n[CHAPTER]\\\nSTART\\=0\\\ntitle\\=forged\nartist=Ada\n")
    assert (tags, chapters) == ({"artist": "Ada", "comment": "x [CHAPTER] START=0 title=forged"}, ())


def test_chapters_come_in_order() -> None:
    text = chapter(5000, 9000, "two") + chapter(0, 5000, "one") + chapter(9, 10, "", "1/1")
    assert read(text)[1] == (Chapter(0.0, 5.0, "one"), Chapter(5.0, 9.0, "two"), Chapter(9.0, 10.0, ""))


def test_a_chapter_without_an_end_lasts_until_the_next() -> None:
    found = read(chapter(0, 0, "a") + chapter(4000, 1000, "b"))[1]
    assert found == (Chapter(0.0, 4.0, "a"), Chapter(4.0, float("inf"), "b"))


@pytest.mark.parametrize("broken", [chapter("x", 1), chapter(0, ""), chapter(0, 1, base="1/0"), chapter(0, 1, base="")])
def test_a_broken_chapter_is_left_out(broken: str) -> None:
    assert read(broken + chapter(0, 1000, "a"))[1] == (Chapter(0.0, 1.0, "a"),)


def test_chapters_are_limited_to_a_table_of_contents() -> None:
    assert len(read("".join(chapter(at, at + 1) for at in range(300)))[1]) == metadata.CHAPTERS_MOST == 255


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  a \n b\t c ", "a b c"),
        ("\x1b[31mred", "[31mred"),
        ("a\u202eb", "ab"),  # would reverse the rest
        ("caf\udce9", "café"),  # Latin 1
        ("\udcc3\udca9", "é"),  # UTF-8
        ("x" * 400, "x" * 300),
    ],
)
def test_text_is_one_harmless_line(value: str, expected: str) -> None:
    assert metadata.text(value) == expected

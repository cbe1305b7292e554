"""Tags: chapters of a cut, valid dates, and a tag of exactly the reserved size."""

from __future__ import annotations

import pytest

from functions.convert import tags
from functions.convert.metadata import Chapter

CHAPTERS = (Chapter(0.0, 10.0, "a"), Chapter(10.0, 20.0, "b"), Chapter(20.0, 30.0, "c"))


@pytest.mark.parametrize(
    ("start", "length", "speed", "expected"),
    [
        (0.0, 30.0, 1.0, CHAPTERS),
        (5.0, 10.0, 1.0, (Chapter(0.0, 5.0, "a"), Chapter(5.0, 10.0, "b"))),
        (10.0, 20.0, 1.0, (Chapter(0.0, 10.0, "b"), Chapter(10.0, 20.0, "c"))),
        (10.0, 5.0, 2.0, (Chapter(0.0, 5.0, "b"),)),
        (25.0, None, 0.5, (Chapter(0.0, 10.0, "c"),)),
        (30.0, 5.0, 1.0, ()),
        (9.9998, 30.0, 1.0, (Chapter(0.0002, 10.0002, "b"), Chapter(10.0002, 20.0002, "c"))),  # 0.2 ms are none
    ],
)
def test_chapters_move_with_the_cut(
    start: float, length: float | None, speed: float, expected: tuple[Chapter, ...]
) -> None:
    found = tags.shifted(CHAPTERS, start, length, speed)
    assert [each.title for each in found] == [each.title for each in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.start, one.end) == pytest.approx((other.start, other.end))


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("2020", "2020"),
        ("2020-02-29T12:00:00Z", "2020-02-29"),
        ("20200229", "2020-02-29"),
        ("2020/02", "2020-02"),
        ("2020-13-01", "2020"),
        ("20201", ""),
        ("29.2.2020", ""),
        ("", ""),
    ],
)
def test_the_valid_part_of_a_date_is_used(said: str, date: str) -> None:
    assert tags._date(said) == date


def test_empty_tags() -> None:
    assert tags.encoded() == b""
    assert tags.encoded(title=" \n", date="soon") == b""


def test_where_the_picture_is() -> None:
    for jpeg in (b"\xff\xd8\xff picture", b"\xff\xd8\xff" + bytes(200_000)):
        tag = tags.encoded(title="A talk", chapters=CHAPTERS, cover=jpeg, length=300_000)
        place = tags.picture(tag)
        assert place
        assert tag[slice(*place)] == jpeg
        changed = tags.changed(tag, {"title": "Another, longer title"}, with_cover=True)
        place = tags.picture(changed)
        assert place
        assert changed[slice(*place)] == jpeg
        assert tags.picture(tags.changed(tag, {}, with_cover=False)) is None
    assert tags.picture(tags.encoded(title="A talk")) is None
    assert tags.picture(b"") is None


def test_a_tag_fills_the_reserved_space() -> None:
    long = tags.encoded(title="A talk", chapters=CHAPTERS)
    short = tags.encoded(title="A talk", chapters=CHAPTERS[:1], length=len(long))
    assert len(short) == len(long)
    assert len(tags.encoded(length=len(long))) == len(long)
    with pytest.raises(ValueError, match="does not fit"):
        tags.encoded(title="A talk", chapters=CHAPTERS, length=len(long) - 200)

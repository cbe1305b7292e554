"""Chapters: bounded beside an MP3, and read back in the format of players."""

from __future__ import annotations

import bson
import pytest

from functions.common.chapters import MOST, as_json, to_document


def test_chapters_are_read_back() -> None:
    stored = to_document([(0.0, 1.23456, "One 😀"), (1.23456, 9.0, "")])
    assert stored == [[0.0, 1.235, "One 😀"], [1.235, 9.0, ""]]
    assert as_json(stored) == {
        "version": "1.2.0",
        "chapters": [{"startTime": 0.0, "endTime": 1.235, "title": "One 😀"}, {"startTime": 1.235, "endTime": 9.0}],
    }


@pytest.mark.parametrize("number", [0, MOST + 1, 10_000])
def test_none_or_too_many_are_not_stored(number: int) -> None:
    assert to_document([(0.0, 1.0, "x")] * number) is None


def test_what_is_stored_is_bounded() -> None:
    stored = to_document([(0.1, 99_999.9, "😀" * 300)] * MOST)
    assert len(bson.encode({"chapters": stored})) < 50_000

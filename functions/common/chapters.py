"""Chapters: those of an MP3, as they are stored beside it and as podcast players read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MOST = 100  # an MP3 with more has no list: players have them all in the MP3 itself
CONTENT_TYPE = "application/json+chapters"
_TITLE_CHARACTERS = 100


def to_document(chapters: Sequence[tuple[float, float, str]]) -> list[list[Any]] | None:
    """Return chapters (start and end in seconds, and a title) as they are stored; None if there are none, or too many.

    A title may be empty.
    """
    if not 0 < len(chapters) <= MOST:
        return None
    return [[round(start, 3), round(end, 3), title[:_TITLE_CHARACTERS]] for start, end, title in chapters]


def as_json(document: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Return what was stored in the JSON format of Podcasting 2.0.

    https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/examples/chapters/jsonChapters.md
    """
    listed = [
        {"startTime": start, "endTime": end} | ({"title": title} if title else {}) for start, end, title in document
    ]
    return {"version": "1.2.0", "chapters": listed}

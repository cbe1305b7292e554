"""Lines: text that others wrote, made one line in which nothing lies about the rest."""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 300  # of a title, an artist or an album
_JOINERS = "\u200c\u200d"  # Persian words and many emoji are not the same without them


def line(text: str) -> str:
    """Return a text as one line: what controls a terminal becomes a space, and what only formats goes."""
    kinds = ((char, unicodedata.category(char)) for char in text)
    kept = (" " if kind == "Cc" else char for char, kind in kinds if kind != "Cf" or char in _JOINERS)
    return " ".join("".join(kept).split())

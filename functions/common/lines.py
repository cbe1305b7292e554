"""Lines: untrusted text as one line, without characters that could disguise it."""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 300  # of a title, an artist or an album
_JOINERS = "\u200c\u200d"  # Persian words and many emoji need them


def line(text: str) -> str:
    """Return a text as one line: control characters become spaces, format characters are removed."""
    kinds = ((char, unicodedata.category(char)) for char in text)
    kept = (" " if kind == "Cc" else char for char, kind in kinds if kind != "Cf" or char in _JOINERS)
    return " ".join("".join(kept).split())

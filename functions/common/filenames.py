"""File names of videos and MP3s: safe to show, and short enough for every file system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import count

_MOST_BYTES = 255
_ENDING = re.compile(r"\.[^. ]{1,15}$")
_MP3 = ".mp3"
_UNNAMED = "video"


def clean(name: str) -> str:
    """Return a name that is safe to show: no path, no control or format characters, at most 255 bytes.

    It keeps its ending, and the MP3's name is not longer either.
    """
    return "".join(_parts(re.split(r"[/\\]", name)[-1]))


def of_mp3(video: str) -> str:
    """Return the name of a video's MP3; no stored name makes it unsafe in a header."""
    return _parts(video)[0] + _MP3


def stem(name: str) -> str:
    """Return a name without its ending."""
    return _parts(name)[0]


def is_named(name: str) -> bool:
    """Tell whether a clean name is more than the one for files without a name."""
    return _parts(name)[0] != _UNNAMED


def unique(names: Iterable[str]) -> list[str]:
    """Return these names in order, with a number in those that some file system takes for an earlier one."""
    taken: set[str] = set()
    return [_untaken(name, taken) for name in names]


def plain(name: str) -> str:
    """Return a name in ASCII for clients that read no other; what has no form in ASCII is left out."""
    stem, ending = _parts(name)
    letters = _ascii(stem)
    readable = any(map(str.isalnum, letters)) or (stem.isascii() and letters)
    return (letters if readable else "sound") + _ascii(ending)


def _untaken(name: str, taken: set[str]) -> str:
    stem, ending = _parts(name)
    for number in count(2):
        # File systems may fold case, and compose or decompose characters.
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded not in taken:
            break
        more = f" ({number})"
        most = _MOST_BYTES - len(f"{more}{ending}".encode())
        name = stem.encode()[:most].decode(errors="ignore") + more + ending
    taken.add(folded)
    return name


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join("".join(char for char in plain if char not in '"\\%').split())


def _parts(name: str) -> tuple[str, str]:
    """Return a clean name's stem and its ending, which may be empty."""
    # Control characters, lone surrogates and format characters, such as right-to-left override, can disguise a name.
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029")
    name = name.strip().rstrip(". ")
    found = _ENDING.search(name)
    ending = found[0] if found else ""
    most = _MOST_BYTES - max(len(ending.encode()), len(_MP3))
    stem = name.removesuffix(ending).encode()[:most].decode(errors="ignore").strip()
    return stem if stem.strip(". ") else _UNNAMED, ending

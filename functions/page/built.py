"""What build.mjs has built: its manifest, and the files that this names. No other file is ever read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("built")
IDENTITY = "identity"
_ENDINGS = {IDENTITY: "", "gzip": ".gz", "br": ".br"}


@dataclass(frozen=True)
class File:
    """A file by its name."""

    name: str
    type: str
    sha256: str
    immutable: bool  # its name changes whenever its content does
    codings: frozenset[str]  # the content codings that it was stored in


@cache
def files() -> Mapping[str, File]:
    """Return every file by its name."""
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    return {
        name: File(name, about["type"], about["sha256"], about["immutable"], frozenset(about["sizes"]))
        for name, about in manifest.items()
    }


@cache  # every file in every coding is two megabytes
def content(file: File, coding: str) -> bytes:
    """Return a file's bytes in one of its codings."""
    return (FOLDER / f"{file.name}{_ENDINGS[coding]}").read_bytes()

"""Reads the tags of an MP3."""

from __future__ import annotations

import io
from typing import Any

from mutagen.mp3 import MP3


def read(mp3: bytes) -> Any:
    """Return mutagen's file, whose tags have no types."""
    return MP3(io.BytesIO(mp3))

"""Read what an MP3 says of itself."""

from __future__ import annotations

import io
from typing import Any

from mutagen.mp3 import MP3


def read(mp3: bytes) -> Any:
    """Return mutagen's file, which has no type of its own for what a tag holds."""
    return MP3(io.BytesIO(mp3))

"""The version of what decides how an MP3 sounds: MP3s of one video by the same version and options are alike."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from functions.common import options

_PACKAGES = ("imageio-ffmpeg", "mutagen", "fastcrc", "numpy", "moviepy")
_LENGTH = 16  # hexadecimal digits


@cache
def current() -> str:
    """Return the version of this room's code and of the packages that it uses."""
    # Counted by hand, it would be forgotten; at worst, an MP3 is made again that could have been copied.
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _PACKAGES).encode())
    for path in sorted([*Path(__file__).parent.glob("*.py"), Path(options.__file__)]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:_LENGTH]

"""ffmpeg: its command line, and which files it may open."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import imageio_ffmpeg

from functions.common.containers import DEMUXERS

_MOST_PIXELS = 40_000_000  # a little more than 8K; larger pictures need more memory than the cage gives


def command(*words: str, level: str = "error") -> list[str]:
    """Return a non-interactive command that logs at `level`."""
    return [_program(), "-nostdin", "-hide_banner", "-loglevel", level, "-nostats", *words]


def opening(source: Path) -> list[str]:
    """Return the arguments that open this file, as media, and no other file."""
    # Containers of sound and pictures only. Playlists and concat scripts name other files: a script that is called .mp4
    # would read the files beside it.
    words = ["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-max_pixels", str(_MOST_PIXELS)]
    return [*words, "-i", f"file:{source}"]


@cache
def _program() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())

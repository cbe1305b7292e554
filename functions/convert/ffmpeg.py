"""ffmpeg: its command line, and which files it may open."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import imageio_ffmpeg

# Containers of sound and pictures only. Playlists and concat scripts name other files: a script that is called .mp4
# would read the files beside it.
_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg,rm,mxf,mp3,wav,flac,aac,ac3,eac3,"
    "aiff,caf,amr,w64,au,dv,ivf,nut,h264,hevc,m4v"
)
_MOST_PIXELS = 40_000_000  # a little more than 8K; larger pictures need more memory than the cage gives


def command(*words: str, level: str = "error") -> list[str]:
    """Return a non-interactive command that logs at `level`."""
    return [_program(), "-nostdin", "-hide_banner", "-loglevel", level, "-nostats", *words]


def opening(source: Path) -> list[str]:
    """Return the arguments that open this file, as media, and no other file."""
    words = ["-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS, "-max_pixels", str(_MOST_PIXELS)]
    return [*words, "-i", f"file:{source}"]


@cache
def _program() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())

"""Creates small files of any container with ffmpeg, and extracts their frames."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

TIMEOUT_SECONDS = 60


def made(path: Path, *words: str) -> Path:
    """Create a file with these ffmpeg arguments, and return its path."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *words, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)
    return path


def tone(seconds: float = 1.0, hertz: int = 440) -> list[str]:
    """Return ffmpeg arguments for a tone as input."""
    return ["-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}"]


def pictures(seconds: float = 1.0, size: str = "64x48") -> list[str]:
    """Return ffmpeg arguments for moving pictures as input."""
    return ["-f", "lavfi", "-i", f"testsrc=size={size}:duration={seconds}:rate=10"]


def sound_of(path: Path) -> bytes:
    """Return the frames of an MP3, copied by ffmpeg, without tags."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        "0:a",
        "-c",
        "copy",
        "-write_xing",
        "0",
        "-id3v2_version",
        "0",
        "-f",
        "mp3",
        "pipe:1",
    ]
    return subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_SECONDS).stdout

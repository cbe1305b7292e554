"""Creates large or long videos quickly: uncompressed or few frames, with a tone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

from tests.media.another import another_file

WIDTH, HEIGHT, BYTES_PER_PIXEL = 1280, 720, 3
FRAME_BYTES = WIDTH * HEIGHT * BYTES_PER_PIXEL
FRAMES_PER_SECOND = 10
MEGABYTE = 1_000_000
TIMEOUT_SECONDS = 300


def large_video(folder: Path, megabytes: int, hertz: float = 440.0) -> Path:
    """Create an AVI of at least this size, and return its path."""
    path = folder / f"large-{megabytes}-{hertz:g}.avi"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part.avi")
    frames = _frames(megabytes)
    picture = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_SECOND}"
    codecs = ["-frames:v", str(frames), "-c:v", "rawvideo", "-pix_fmt", "bgr24", "-c:a", "pcm_s16le"]
    _render(picture, hertz, frames / FRAMES_PER_SECOND, codecs, unfinished)
    return unfinished.rename(path)


def large_video_seconds(megabytes: int) -> float:
    """Return the length of such a video's sound."""
    return _frames(megabytes) / FRAMES_PER_SECOND


def long_video(folder: Path, seconds: int, hertz: float = 440.0) -> Path:
    """Create a small MKV of this length, another one each time, whose conversion takes a while; return its path."""
    path = folder / f"long-{seconds}-{hertz:g}.mkv"
    if not path.exists():
        unfinished = path.with_suffix(".part.mkv")
        _render("color=size=64x48:rate=1", hertz, seconds, ["-c:v", "mpeg4", "-c:a", "pcm_mulaw"], unfinished)
        unfinished.rename(path)
    return another_file(path)


def _frames(megabytes: int) -> int:
    return -(-megabytes * MEGABYTE // FRAME_BYTES)


def _render(picture: str, hertz: float, seconds: float, codecs: list[str], path: Path) -> None:
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        picture,
        "-f",
        "lavfi",
        "-i",
        f"sine=frequency={hertz}:sample_rate=44100",
        "-t",
        str(seconds),
        "-af",
        "volume=4",
        *codecs,
        str(path),
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)

"""Make videos of a wanted size that really are videos: uncompressed frames with a tone beside them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

WIDTH, HEIGHT, BYTES_PER_PIXEL = 1280, 720, 3
FRAME_BYTES = WIDTH * HEIGHT * BYTES_PER_PIXEL
FRAMES_PER_SECOND = 10
MEGABYTE = 1_000_000
TIMEOUT_SECONDS = 300


def large_video(folder: Path, megabytes: int, hertz: float = 440.0) -> Path:
    """Write an AVI of at least that many megabytes, and return its path."""
    path = folder / f"large-{megabytes}-{hertz:g}.avi"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part.avi")
    frames = _frames(megabytes)
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y",
        "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_SECOND}",
        "-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=44100",
        "-frames:v", str(frames), "-t", str(frames / FRAMES_PER_SECOND),
        "-af", "volume=4", "-c:v", "rawvideo", "-pix_fmt", "bgr24", "-c:a", "pcm_s16le", str(unfinished),
    ]  # fmt: skip
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)
    return unfinished.rename(path)


def large_video_seconds(megabytes: int) -> float:
    """Return how long the sound of such a video lasts."""
    return _frames(megabytes) / FRAMES_PER_SECOND


def _frames(megabytes: int) -> int:
    return -(-megabytes * MEGABYTE // FRAME_BYTES)

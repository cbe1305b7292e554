"""Creates typical films of any length in seconds: 720p H.264 at 4 Mbit/s, with music and speech in AAC.

One minute of pictures is rendered and repeated by copying; the sound is created for the whole length.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import imageio_ffmpeg

from tests.media import music

SIZE = "1280x720"
FRAMES_PER_SECOND = 25
PICTURE_SECONDS = 60
VIDEO_KILOBITS = 3800
AUDIO_KILOBITS = 160
TIMEOUT_SECONDS = 600


def movie(folder: Path, seconds: int) -> Path:
    """Create an MP4 of this length, and return its path."""
    path = folder / f"movie-{seconds}.mp4"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part.mp4")
    command = [
        *_ffmpeg(),
        "-stream_loop",
        "-1",
        "-i",
        str(_picture(folder)),
        "-f",
        "s16le",
        "-ar",
        str(music.SAMPLE_RATE),
        "-ac",
        str(music.CHANNELS),
        "-i",
        "pipe:0",
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c:v",
        "copy",
        "-c:a",
        "aac",
        "-b:a",
        f"{AUDIO_KILOBITS}k",
        "-t",
        str(seconds),
        str(unfinished),
    ]
    _feed(command, seconds)
    return unfinished.rename(path)


def mp3_movie(folder: Path, seconds: int, kilobits: int) -> Path:
    """Create an MKV with the same pictures and MP3 sound, and return its path."""
    path = folder / f"movie-{seconds}-mp3.mkv"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part.mkv")
    codecs = ["-c:v", "copy", "-c:a", "libmp3lame", "-b:a", f"{kilobits}k"]
    _run([*_ffmpeg(), "-i", str(movie(folder, seconds)), *codecs, str(unfinished)])
    return unfinished.rename(path)


def _picture(folder: Path) -> Path:
    path = folder / "picture.mp4"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part.mp4")
    rate = f"{VIDEO_KILOBITS}k"
    command = [
        *_ffmpeg(),
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=size={SIZE}:rate={FRAMES_PER_SECOND}",
        "-t",
        str(PICTURE_SECONDS),
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-b:v",
        rate,
        "-maxrate",
        rate,
        "-bufsize",
        rate,
        str(unfinished),
    ]
    _run(command)
    return unfinished.rename(path)


def _feed(command: list[str], seconds: int) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        # It may have enough input before everything is written, or fail: its exit code tells.
        with contextlib.suppress(BrokenPipeError):
            for bar in music.bars(-(-seconds // int(music.BAR_SECONDS)) + 1):
                process.stdin.write(bar)
            process.stdin.close()
        try:
            assert process.wait(TIMEOUT_SECONDS) == 0, f"ffmpeg ended with {process.returncode}"
        finally:
            process.kill()


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)


def _ffmpeg() -> list[str]:
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]

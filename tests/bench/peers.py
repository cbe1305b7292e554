"""What convert is compared with: moviepy's two ways to an MP3, and ffmpeg by itself, all with the same ffmpeg.

`python -m tests.bench.peers write_audiofile|extract_audio VIDEO TARGET KILOBITS` prints how many seconds the work took,
without loading moviepy.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import imageio_ffmpeg

# LAME's quality that ours has unless told otherwise. It is ffmpeg's default too (the MP3s are equal to the byte), which
# matters for ffmpeg_extract_audio: it takes no options.
EFFORT = 3


def main() -> None:
    """Do the work that the command line names."""
    name, video, target, kilobits = sys.argv[1:]
    import moviepy.config

    assert imageio_ffmpeg.get_ffmpeg_exe() == moviepy.config.FFMPEG_BINARY
    start = time.perf_counter()
    WAYS[name](video, target, int(kilobits))
    print(time.perf_counter() - start)


def write_audiofile(video: str, target: str, kilobits: int) -> None:
    """Decode and encode by way of moviepy's clips."""
    from moviepy import VideoFileClip

    with VideoFileClip(video) as clip:
        clip.audio.write_audiofile(
            target, bitrate=f"{kilobits}k", ffmpeg_params=["-compression_level", str(EFFORT)], logger=None
        )


def extract_audio(video: str, target: str, kilobits: int) -> None:
    """Let moviepy call ffmpeg."""
    from moviepy.video.io.ffmpeg_tools import ffmpeg_extract_audio

    ffmpeg_extract_audio(video, target, bitrate=kilobits, logger=None)


WAYS = {"write_audiofile": write_audiofile, "extract_audio": extract_audio}


def moviepy_command(name: str, video: Path, target: Path, kilobits: int) -> list[str]:
    """Return the command that starts this module."""
    return [sys.executable, "-m", "tests.bench.peers", name, str(video), str(target), str(kilobits)]


def ffmpeg_command(video: Path, target: Path, kilobits: int, *options: str) -> list[str]:
    """Return the command of a plain ffmpeg that makes the MP3."""
    return _encoding(video, target, "-b:a", f"{kilobits}k", *options)


def vbr_command(video: Path, target: Path, quality: int, *options: str) -> list[str]:
    """Return the command of a plain ffmpeg that makes an MP3 of a variable bitrate."""
    return _encoding(video, target, "-q:a", str(quality), *options)


def _encoding(video: Path, target: Path, *options: str) -> list[str]:
    encoder = ["-c:a", "libmp3lame", "-compression_level", str(EFFORT)]
    return [*_ffmpeg(video), *encoder, *options, str(target)]


def decode_command(video: Path) -> list[str]:
    """Return the command of a plain ffmpeg that decodes to floating-point samples and throws them away."""
    return [*_ffmpeg(video), "-c:a", "pcm_f32le", "-f", "null", "-"]


def _ffmpeg(video: Path) -> list[str]:
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    return [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", str(video), "-map", "0:a:0"]


if __name__ == "__main__":
    main()

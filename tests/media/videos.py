"""Creates small videos: with a tone, without sound, truncated, and files that are not videos.

Each function writes to the given folder and keeps existing files, so that a session creates each video once.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy
from moviepy import AudioClip, ColorClip, concatenate_videoclips

FRAMES_PER_SECOND = 10
SAMPLE_RATE = 44_100
COLOURS = ((180, 40, 40), (40, 160, 60), (40, 60, 180))
SIZE = (160, 120)
LOUDNESS = 0.5


def tone_video(folder: Path, hertz: float = 440.0, seconds: float = 3.0) -> Path:
    """Create an MP4 of a few coloured frames with a sine of this pitch, and return its path."""
    return _render(folder / f"tone-{hertz:g}-{seconds:g}.mp4", seconds, _sine(hertz, seconds))


def silent_video(folder: Path, seconds: float = 2.0) -> Path:
    """Create an MP4 without an audio track."""
    return _render(folder / f"no-audio-{seconds:g}.mp4", seconds, None)


def half_video(folder: Path) -> Path:
    """Create the first half of an MP4: its index is at the end, so it cannot be decoded."""
    path = folder / "half.mp4"
    if not path.exists():
        whole = tone_video(folder, seconds=4.0).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    return path


def text_file(folder: Path) -> Path:
    """Create a text file with a video's name."""
    path = folder / "text.mp4"
    path.write_text("This is not a video.\n" * 500)
    return path


def zip_file(folder: Path) -> Path:
    """Create a ZIP archive with a video's name."""
    path = folder / "archive.mp4"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside.txt", "still not a video\n" * 500)
    return path


def empty_file(folder: Path) -> Path:
    """Create an empty file."""
    path = folder / "empty.mp4"
    path.write_bytes(b"")
    return path


def _render(path: Path, seconds: float, sound: AudioClip | None) -> Path:
    if path.exists():
        return path
    colours = [ColorClip(SIZE, color=colour, duration=seconds / len(COLOURS)) for colour in COLOURS]
    clip = concatenate_videoclips(colours).with_audio(sound)
    unfinished = path.with_suffix(".part.mp4")
    clip.write_videofile(
        str(unfinished),
        fps=FRAMES_PER_SECOND,
        codec="libx264",
        audio_codec="aac",
        audio_fps=SAMPLE_RATE,
        audio_bitrate="128k",
        temp_audiofile_path=str(path.parent),
        preset="ultrafast",
        logger=None,
    )
    clip.close()
    return unfinished.rename(path)


def _sine(hertz: float, seconds: float) -> AudioClip:
    def samples(moment: numpy.ndarray | float) -> numpy.ndarray:
        return LOUDNESS * numpy.sin(2 * numpy.pi * hertz * numpy.asarray(moment))

    return AudioClip(samples, duration=seconds, fps=SAMPLE_RATE)

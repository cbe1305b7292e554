"""The files that the chaos run uploads: small ones of many formats, each with its expected outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.media.samples import made, pictures, tone

# Frames, priming and padding: no codec keeps the length to the sample.
SHORTER, LONGER = 0.3, 0.15
# name, seconds of sound (None: no sound track), codecs of picture and sound
KINDS: tuple[tuple[str, float | None, tuple[str, ...]], ...] = (
    ("aac.mp4", 2.0, ("-c:v", "libx264", "-c:a", "aac")),
    # Without B-frames, for which ffmpeg would let such a file begin 0.2 s late.
    ("fragmented.mp4", 6.0, ("-c:v", "libx264", "-bf", "0", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov")),
    ("long.mp4", 25.0, ("-c:v", "mpeg4", "-c:a", "aac")),
    ("alac.mov", 3.0, ("-c:v", "mjpeg", "-c:a", "alac")),
    ("opus.webm", 4.0, ("-c:v", "libvpx", "-c:a", "libopus")),
    ("vorbis.mkv", 5.0, ("-c:v", "mpeg4", "-c:a", "libvorbis")),
    ("flac.mkv", 3.0, ("-c:v", "mpeg4", "-c:a", "flac")),
    ("mp3.avi", 8.0, ("-c:v", "mpeg4", "-c:a", "libmp3lame")),
    ("adpcm.avi", 1.0, ("-c:v", "mpeg4", "-c:a", "adpcm_ms")),
    ("mp2.ts", 6.0, ("-c:v", "mpeg2video", "-c:a", "mp2")),
    ("wma.asf", 4.0, ("-c:v", "msmpeg4v3", "-c:a", "wmav2")),
    ("mp3.flv", 3.0, ("-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100")),
    ("silent.mp4", None, ("-c:v", "libx264", "-an")),
    ("silent.webm", None, ("-c:v", "libvpx", "-an")),
    ("silent.avi", None, ("-c:v", "mpeg4", "-an")),
)


@dataclass(frozen=True)
class Sample:
    """A file, and the length of its sound, or None if it has none."""

    path: Path
    seconds: float | None

    @cached_property
    def sha256(self) -> str:
        """Return the hash of its content."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def problems(self, job: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an ended job for this file."""
        about = f"{job['_id']} ({self.path.name})"
        if job["sha256"] != self.sha256:
            return [f"{about}: {job['size']} other bytes were stored"]
        if job["state"] == "failed":
            code = job["error"]["code"]
            # A process that is killed at every attempt makes the job fail with gave_up.
            right = code == "gave_up" or (code == "no_audio" and self.seconds is None)
            return [] if right else [f"{about}: failed with {code}"]
        length = job["mp3"]["duration"]
        if self.seconds is None or not -LONGER < self.seconds - length < SHORTER:
            return [f"{about}: an MP3 of {length} s instead of {self.seconds} s"]
        return []


def samples(folder: Path) -> list[Sample]:
    """Return all files as they will be in a folder after `make`."""
    return [Sample(folder / name, seconds) for name, seconds, _ in KINDS]


def make(folder: Path) -> None:
    """Create all files in a folder."""
    for name, seconds, words in KINDS:
        made(folder / name, *pictures(seconds or 2.0), *tone(seconds or 2.0), *words)

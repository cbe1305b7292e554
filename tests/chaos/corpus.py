"""The files that the chaos run uploads: small ones of many kinds, each with what must become of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.media.samples import made, pictures, tone

# Frames, priming and padding: no codec keeps a length to the sample.
SHORTER, LONGER = 0.3, 0.15
# name, seconds of sound (None: no sound track), and the codecs of picture and sound
KINDS: tuple[tuple[str, float | None, tuple[str, ...]], ...] = (
    ("aac.mp4", 2.0, ("-c:v", "libx264", "-c:a", "aac")),
    ("fragmented.mp4", 6.0, ("-c:v", "libx264", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov")),
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
    """A file, and how long its sound is; None: it has none."""

    path: Path
    seconds: float | None

    @cached_property
    def sha256(self) -> str:
        """Return the hash of its bytes."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def wrong_end(self, job: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with the job of an upload of this file that has ended."""
        about = f"{job['_id']} ({self.path.name})"
        if job["sha256"] != self.sha256:
            return [f"{about}: {job['size']} bytes were taken for it, and they are others"]
        if job["state"] == "failed":
            code = job["error"]["code"]
            # Whoever is killed at every try is given up in the end, and told so.
            right = code == "gave_up" or (code == "no_audio" and self.seconds is None)
            return [] if right else [f"{about}: failed with {code}"]
        made = job["mp3"]["duration"]
        if self.seconds is None or not -LONGER < self.seconds - made < SHORTER:
            return [f"{about}: an MP3 of {made} s where {self.seconds} s are due"]
        return []


def samples(folder: Path) -> list[Sample]:
    """Return all files as they will be in a folder; `make` writes them."""
    return [Sample(folder / name, seconds) for name, seconds, _ in KINDS]


def make(folder: Path) -> None:
    """Write all files into a folder."""
    for name, seconds, words in KINDS:
        made(folder / name, *pictures(seconds or 2.0), *tone(seconds or 2.0), *words)

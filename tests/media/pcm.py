"""Creates files from known samples, and reads samples and loudness, with plain ffmpeg."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy

TIMEOUT_SECONDS = 120
_VBR = ("-c:a", "libmp3lame", "-q:a", "2")
_MP3 = ("-bitexact", "-id3v2_version", "0", "-f", "mp3")

Samples = numpy.ndarray


def made_of(samples: Samples, rate: int, path: Path, *words: str, layout: str = "") -> Path:
    """Create a file from these samples, one column for each channel, with these ffmpeg options; return its path.

    The channels are those of `layout`, or of ffmpeg's usual layout for their number.
    """
    channels = ["-ch_layout", layout] if layout else _count(samples)
    _ran([*_reading(rate, channels), *words, "-y", str(path)], samples)
    return path


def mp3_of(samples: Samples, rate: int, *words: str) -> bytes:
    """Return libmp3lame's MP3 of these samples, with VBR 2 unless the options say otherwise."""
    return _ran([*_reading(rate, _count(samples)), *(words or _VBR), *_MP3, "pipe:1"], samples).stdout


def plain_mp3(path: Path, *words: str) -> bytes:
    """Return libmp3lame's MP3 of a file's first sound track, with VBR 2."""
    return _ran(["-i", str(path), "-map", "0:a:0", "-map_metadata", "-1", *words, *_VBR, *_MP3, "pipe:1"]).stdout


def loudness(sound: bytes | Samples, rate: int = 0) -> tuple[float, float]:
    """Return the integrated loudness in LUFS and the true peak in dBTP of an MP3, or of samples."""
    source = ["-i", "pipe:0"] if isinstance(sound, bytes) else _reading(rate, _count(sound))
    meter = ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    said = _ran([*source, *meter], sound, level="info").stderr.decode()
    found = re.search(r"I: +(\S+) LUFS.*Peak: +(\S+) dBFS", said, re.DOTALL)
    assert found, said
    return float(found[1]), float(found[2])


def _reading(rate: int, channels: list[str]) -> list[str]:
    return ["-f", "f32le", "-ar", str(rate), *channels, "-i", "pipe:0"]


def _count(samples: Samples) -> list[str]:
    return ["-ac", str(samples.shape[1])]


def _ran(words: list[str], sound: bytes | Samples = b"", level: str = "error") -> subprocess.CompletedProcess[bytes]:
    data = sound if isinstance(sound, bytes) else sound.astype("<f4").tobytes()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-v", level, *words]
    return subprocess.run(command, input=data, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)

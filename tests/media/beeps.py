"""Beeps at known seconds, and where they are in an MP3."""

from __future__ import annotations

from pathlib import Path

import numpy

from tests.media.samples import made
from tests.media.tone import SAMPLE_RATE, decode_mp3

SECONDS = 10
_BEEP_SECONDS = 0.1
_WINDOW = SAMPLE_RATE // 400
_LOUD = 0.1


def beeps(seconds: int = SECONDS) -> list[str]:
    """Return ffmpeg arguments for a sound as input that beeps at each second but the first."""
    beep = f"0.5*gte(t,1)*lt(mod(t,1),{_BEEP_SECONDS})*sin(2*PI*(300+100*floor(t))*t)"
    return ["-f", "lavfi", "-i", f"aevalsrc=exprs='{beep}':s=48000:d={seconds}"]


def beeping(path: Path, *words: str, pictures: bool = False) -> Path:
    """Create a file with beeps, in a form that these ffmpeg arguments say."""
    source = ["-f", "lavfi", "-i", f"testsrc=size=64x48:duration={SECONDS}:rate=10"] if pictures else []
    return made(path, *source, *beeps(), *words)


def without(source: Path, target: Path, dropped: str, *words: str) -> Path:
    """Copy a file without the packets of sound that an expression picks; `{t}` is their time in seconds."""
    drop = dropped.format(t="(pts*tb)")
    return made(target, "-i", str(source), "-map", "0", "-c", "copy", "-bsf:a", f"noise=drop='{drop}'", *words)


def heard(mp3: bytes | Path) -> list[float]:
    """Return the seconds at which beeps begin in an MP3."""
    samples = numpy.abs(decode_mp3(mp3))
    windows = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW).max(axis=1) > _LOUD
    loud = numpy.flatnonzero(windows)
    first = loud[numpy.diff(loud, prepend=-1000) > SAMPLE_RATE // _WINDOW // 4]
    return [float(each) * _WINDOW / SAMPLE_RATE for each in first]

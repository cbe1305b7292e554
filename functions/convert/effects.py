"""Effects: fades, volume and speed, made by a program in the cage, between decoder and encoders."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path

OVER = "samples beyond full scale"  # logged once
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Wanted:
    """The changes to make: `rate` is the output's in Hz, `seconds` the input's length, if known.

    The first `late` seconds of it are silence that is not in the stream. Fades are linear, in seconds of the result;
    fading out needs `seconds`.
    """

    rate: int | None
    seconds: float | None
    late: float
    speed: float
    volume: float
    fade_in: float
    fade_out: float


def command(wanted: Wanted) -> list[str]:
    """Return the command that reads a WAV of floats from standard input and writes another to standard output."""
    # -P: never import modules from the folder of the upload.
    words = ["-P", "-s", "-B", "-m", "functions.convert.effects_program"]
    return [sys.executable, *words, json.dumps(dataclasses.asdict(wanted))]


def environment() -> dict[str, str]:
    """Return the program's environment."""
    return {
        "PYTHONPATH": str(_ROOT),
        "OPENBLAS_NUM_THREADS": "1",
        # moviepy looks for ffmpeg when it is imported; it must not find one.
        "IMAGEIO_FFMPEG_EXE": "/nonexistent",
    }

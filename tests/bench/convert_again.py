"""How long convert takes for a video that the same user sent before, beside the first time."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from tests.bench.comparison import print_table
from tests.bench.stored import Film
from tests.bench.system import System
from tests.bench.targets import Target
from tests.media.movies import movie

MOST_SECONDS_AN_HOUR = 1.0


def measure(system: System, folder: Path, minutes: float, rounds: int) -> list[Target]:
    """Encode a film once, then copy its MP3 for another job with the same film."""
    seconds = round(minutes * 60)
    film, url = movie(folder, seconds), system.functions["convert"]
    first, again = Film(system, film, seconds), Film(system, film, seconds)
    try:
        encoded = _convert(first, url)
        copied = [_convert(again, url) for _ in range(rounds + 1)][1:]
        kilobits = again.kilobits()
    finally:
        first.forget()
        again.forget()
    rows = [
        ("encoded", f"{encoded:.2f}", ""),
        ("copied", f"{median(copied):.2f}", f"{min(copied):.2f} to {max(copied):.2f}"),
    ]
    print_table((f"{minutes:g} min at {kilobits:.0f} kbit/s, GridFS to GridFS", "s", "spread"), rows)
    return [
        Target(
            f"{minutes:g} min: an hour is copied", median(copied) * 60 / minutes, most=MOST_SECONDS_AN_HOUR, unit="s"
        )
    ]


def _convert(film: Film, url: str) -> float:
    film.make_ready()
    began = time.perf_counter()
    film.convert(url)
    return time.perf_counter() - began

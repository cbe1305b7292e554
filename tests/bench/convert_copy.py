"""How much faster a sound that is an MP3 already is copied than it is encoded again."""

from __future__ import annotations

from pathlib import Path

from tests.bench import engine_run
from tests.bench.comparison import interleaved, print_table
from tests.bench.targets import Target
from tests.bench.ways import KILOBITS, Way
from tests.media.movies import mp3_movie

COPY, ENCODE = "copied", "encoded again"
FASTER = 20


def measure(folder: Path, minutes: float, rounds: int) -> list[Target]:
    """Convert a film with MP3 sound without and with an option that changes the sound."""
    seconds = round(minutes * 60)
    film = mp3_movie(folder, seconds, KILOBITS)
    target = folder / "copy.mp3"
    ways = {
        COPY: Way(engine_run.command(film, target, bitrate=None), seconds, target),
        ENCODE: Way(engine_run.command(film, target, bitrate=KILOBITS), seconds, target),
    }
    interleaved(ways, rounds)
    rows = [
        (name, f"{way.usage.seconds:.3f}", f"{way.usage.cpu:.2f}", f"{way.megabytes:.0f}") for name, way in ways.items()
    ]
    print_table((f"{minutes:g} min of MP3 in an MKV", "s", "CPU s", "PSS MB"), rows)
    faster = ways[ENCODE].usage.seconds / ways[COPY].usage.seconds
    return [Target(f"{minutes:g} min: copying faster than encoding", faster, FASTER)]

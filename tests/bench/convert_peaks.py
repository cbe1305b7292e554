"""What the waveform costs a conversion, beside the same conversion without one."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from functions.common.waveform import Waveform
from functions.convert import encoders
from tests.bench import engine_run
from tests.bench.comparison import interleaved, print_table
from tests.bench.targets import Target
from tests.bench.ways import KILOBITS, Way
from tests.media.movies import movie

WITH, WITHOUT = "with its waveform", "without"
MOST_RATIO = 1.03


class NoPeaks:
    """Gathers nothing."""

    def __init__(self, rate: int, channels: int) -> None:
        pass

    def take(self, block: memoryview) -> None:
        """Do nothing."""

    def waveform(self) -> Waveform:
        """Return no pairs."""
        return Waveform(0, 0, b"")


def measure(folder: Path, minutes: float, rounds: int) -> list[Target]:
    """Convert a film with and without its waveform, in turn."""
    seconds = round(minutes * 60)
    film, target = movie(folder, seconds), folder / "peaks.mp3"
    usual = engine_run.command(film, target, bitrate=KILOBITS)
    without = [word if word != engine_run.__name__ else __name__ for word in usual]
    ways = {WITHOUT: Way(without, seconds, target), WITH: Way(usual, seconds, target)}
    interleaved(ways, rounds)
    rows = [
        (name, f"{way.usage.seconds:.2f}", f"{way.usage.cpu:.2f}", f"{way.megabytes:.0f}") for name, way in ways.items()
    ]
    print_table((f"{minutes:g} min", "s", "CPU s", "PSS MB"), rows)
    cpu = ways[WITH].usage.cpu / ways[WITHOUT].usage.cpu
    return [Target(f"{minutes:g} min: processor time with the waveform", cpu, most=MOST_RATIO)]


if __name__ == "__main__":
    with patch.object(encoders, "Peaks", NoPeaks):
        engine_run.main()

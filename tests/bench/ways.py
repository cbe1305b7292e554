"""Ways of making one MP3 of one film: programs whose runs are measured, and whose MP3s are looked at."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.bench import program
from tests.bench.program import Usage
from tests.bench.targets import Target

KILOBITS = 192
MEGABYTE = 1_000_000
MEGABYTES_MOST = 200
LENGTH_TOLERANCE_SECONDS = 0.5
KILOBITS_TOLERANCE = 0.01


class Way:
    """One program; calling it runs it once, returns the seconds, and remembers the rest.

    The first run, which does not count, is the one whose memory is watched: the others are left in peace.
    """

    def __init__(self, command: list[str], seconds: float, target: Path | None) -> None:
        self._command = command
        self._seconds = seconds
        self._target = target
        self.runs: list[Usage] = []
        self.peak: int | None = None
        self.kilobits = 0.0

    def __call__(self) -> float:
        """Run it."""
        if self.peak is None:
            self.peak = program.watch(self._command)
            self._look()
            return 0.0
        self.runs.append(program.run(self._command))
        self._look()
        return self.runs[-1].seconds

    @property
    def usage(self) -> Usage:
        """Return the medians."""
        return Usage(*(median(getattr(run, name) for run in self.runs) for name in ("seconds", "elapsed", "cpu")))

    @property
    def megabytes(self) -> float:
        """Return the most that it held with all its descendants (PSS)."""
        return (self.peak or 0) / MEGABYTE

    def _look(self) -> None:
        if self._target:
            self.kilobits = kilobits(self._target, self._seconds)
            self._target.unlink()


def kilobits(mp3: Path, seconds: float) -> float:
    """Return an MP3's kbit/s; fail unless it lasts as long as it should."""
    from tests.media import tags

    length: float = tags.read(mp3.read_bytes()).info.length
    assert abs(length - seconds) <= LENGTH_TOLERANCE_SECONDS, f"the MP3 lasts {length:.2f} s, expected {seconds:.2f} s"
    return mp3.stat().st_size * 8 / 1000 / seconds


def memory_target(what: str, megabytes: float) -> Target:
    """Return what the whole of a conversion's processes may hold, at any length."""
    return Target(what, megabytes, most=MEGABYTES_MOST, unit="MB")


def rate_target(what: str, rate: float) -> Target:
    """Return that an MP3 is of the bit rate at which all are compared."""
    least, most = 1 - KILOBITS_TOLERANCE, 1 + KILOBITS_TOLERANCE
    return Target(what, rate / KILOBITS, least, most, f"of {KILOBITS} kbit/s")

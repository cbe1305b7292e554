"""How fast a stored video becomes a stored MP3: convert's whole step, beside the one that the tutorials have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.bench import program
from tests.bench.comparison import interleaved, print_table
from tests.bench.stored import Film
from tests.bench.system import System
from tests.bench.targets import Target
from tests.bench.tutor import TutorialConsumer
from tests.bench.ways import MEGABYTE, memory_target, rate_target
from tests.clients import processes
from tests.media.movies import movie

OURS, THEIRS = "convert, from event to answer", "the tutorials' step"
FASTER = 2.2


class Step:
    """One way of doing the step; calling it does it once, and returns the seconds.

    The first time, which does not count, is the one whose memory is watched.
    """

    def __init__(
        self, pids: set[int], prepare: Callable[[], None], work: Callable[[], None], look: Callable[[], float]
    ) -> None:
        self._pids, self._prepare, self._work, self._look = pids, prepare, work, look
        self.peak: int | None = None
        self.kilobits = 0.0

    def __call__(self) -> float:
        """Do it."""
        self._prepare()
        start = time.perf_counter()
        if self.peak is None:
            with program.watching(self._pids) as watched:
                self._work()
            self.peak = watched.peak
        else:
            self._work()
        seconds = time.perf_counter() - start
        self.kilobits = self._look()
        return seconds

    @property
    def megabytes(self) -> float:
        """Return the most that its processes held with all their descendants (PSS)."""
        return (self.peak or 0) / MEGABYTE


def measure(system: System, folder: Path, minutes: float, rounds: int) -> list[Target]:
    """Let both do the step in turn, on the same film at the same bit rate."""
    seconds = round(minutes * 60)
    film = movie(folder, seconds)
    with ours(system, film, seconds) as our_step, TutorialConsumer(system, film, seconds) as tutor:
        steps = {OURS: our_step, THEIRS: Step({tutor.pid}, lambda: None, tutor.convert, tutor.kilobits)}
        measured = interleaved(steps, rounds)
    rows = [
        (name, f"{median(took):.2f}", f"{min(took):.2f} to {max(took):.2f}", f"{steps[name].megabytes:.0f}")
        for name, took in measured.items()
    ]
    print_table((f"{minutes:g} min, GridFS to GridFS", "s", "spread", "PSS MB"), rows)
    print(f"{median(tutor.reading[1:]):.2f} s of {THEIRS} went into reading the video")
    about = f"{minutes:g} min, GridFS to GridFS: "
    return [
        Target(f"{about}faster than {THEIRS}", median(measured[THEIRS]) / median(measured[OURS]), FASTER),
        memory_target(f"{about}memory of the whole function", our_step.megabytes),
        *(rate_target(f"{about}bit rate of {name}", step.kilobits) for name, step in steps.items()),
    ]


@contextmanager
def ours(system: System, film: Path, seconds: float) -> Iterator[Step]:
    """Yield convert's step: claim, read, convert, check, store, write down, announce."""
    stored, url = Film(system, film, seconds), system.functions["convert"]
    try:
        pids = processes.listeners(urlsplit(url).port or 80)
        yield Step(pids, stored.make_ready, lambda: stored.convert(url), stored.kilobits)
    finally:
        stored.forget()

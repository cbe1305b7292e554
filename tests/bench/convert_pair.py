"""How long two concurrent conversions take, compared with one encoder each."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.bench.comparison import interleaved, print_table
from tests.bench.stored import Film
from tests.bench.system import ROOT, System, served
from tests.bench.targets import Target
from tests.clients import processes
from tests.media.movies import movie

AT_ONCE = 2
CHOSEN, ONE = "as many encoders as convert chooses", "one encoder each"
# Two of the same differ by as much.
NOISE = 0.03


def measure(system: System, folder: Path, minutes: float, rounds: int) -> list[Target]:
    """Convert two films at once in one function process, then in another whose conversions get one encoder each."""
    seconds = round(minutes * 60)
    film = movie(folder, seconds)
    films = [Film(system, film, seconds) for _ in range(AT_ONCE)]
    try:
        with function(system, 0) as chosen, function(system, 1) as one:
            measured = interleaved({CHOSEN: both(films, chosen), ONE: both(films, one)}, rounds)
    finally:
        for each in films:
            each.forget()
    rows = [(name, f"{median(took):.2f}", f"{min(took):.2f} to {max(took):.2f}") for name, took in measured.items()]
    print_table((f"{AT_ONCE} films of {minutes:g} min at once", "both done after s", "spread"), rows)
    sooner = median(measured[ONE]) / median(measured[CHOSEN])
    return [
        Target(f"{AT_ONCE} at once: as soon as with one encoder each (1, less {NOISE:.0%} noise)", sooner, 1 - NOISE)
    ]


def both(films: list[Film], url: str) -> Callable[[], float]:
    """Return a measure of the seconds until a function has converted all films."""

    def measure() -> float:
        for film in films:
            film.make_ready()
        start = time.perf_counter()
        with ThreadPoolExecutor(len(films)) as pool:
            list(pool.map(lambda film: film.convert(url), films))
        seconds = time.perf_counter() - start
        for film in films:
            film.kilobits()
        return seconds

    return measure


def function(system: System, encoders: int) -> AbstractContextManager[str]:
    """Serve convert once more, as the system serves it but for one setting."""
    running = min(processes.listeners(urlsplit(system.functions["convert"]).port or 80))
    environment = {**processes.environment(running), "CONVERT_ENCODERS": str(encoders)}
    return served("-c", str(ROOT / "functions" / "gunicorn.conf.py"), environment=environment)

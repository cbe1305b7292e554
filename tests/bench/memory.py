"""Watch how much memory a function's processes hold while something happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.clients import processes
from tests.clients.sampling import sampling

INTERVAL_SECONDS = 0.03


@dataclass
class Watched:
    """Bytes held before, and at most."""

    before: int
    peak: int

    @property
    def growth(self) -> int:
        """Return how many bytes were held more than before."""
        return self.peak - self.before


def held(url: str) -> int:
    """Return the bytes that the server of a URL and all its descendants hold (PSS)."""
    return processes.resident(processes.family(processes.listeners(urlsplit(url).port or 80)))


@contextmanager
def watching(url: str, every_seconds: float = INTERVAL_SECONDS) -> Iterator[Watched]:
    """Sample a server's memory until the block ends."""
    roots = processes.listeners(urlsplit(url).port or 80)
    start = processes.resident(processes.family(roots))
    watched = Watched(start, start)

    def look() -> None:
        watched.peak = max(watched.peak, processes.resident(processes.family(roots)))

    with sampling(look, every_seconds):
        yield watched

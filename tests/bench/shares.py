"""Who takes how much processor time while a way runs: the database, a function, and the clients."""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import TypeVar
from urllib.parse import urlsplit

from tests.bench.comparison import print_table
from tests.bench.system import System
from tests.clients import processes

Seconds = dict[str, float]
Way = Callable[[], Callable[[], object]]  # does something, and returns what cleans up
Result = TypeVar("Result")


class Shares:
    """The processor seconds of each party, in each run of each way."""

    def __init__(self, system: System, function: str) -> None:
        urls = {"database": system.mongodb_url, function: system.functions[function]}
        self._families = {
            name: processes.family(processes.listeners(urlsplit(url).port or 80)) for name, url in urls.items()
        }
        self._runs: dict[str, list[Seconds]] = defaultdict(list)

    def measured(self, name: str, way: Callable[[], Result]) -> Callable[[], Result]:
        """Return a way that also measures."""

        def run() -> Result:
            before = self._seconds()
            result = way()
            self._runs[name].append({party: value - before[party] for party, value in self._seconds().items()})
            return result

        return run

    def print(self) -> None:
        """Print medians; `all` is how many processors they kept busy together."""
        rows = []
        for name, runs in self._runs.items():
            each = {party: median(run[party] for run in runs) for party in runs[0]}
            wall = each.pop("wall")
            rows.append((name, *(f"{value:.2f}" for value in (*each.values(), wall, sum(each.values()) / wall))))
        print_table(("processor seconds", *self._families, "clients", "wall", "all"), rows)

    def _seconds(self) -> Seconds:
        found = {
            name: sum(sum(processes.cpu(pid).values()) for pid in family) for name, family in self._families.items()
        }
        own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return {**found, "clients": sum(each.ru_utime + each.ru_stime for each in own), "wall": time.perf_counter()}

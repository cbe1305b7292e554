"""One pass of sweep over 100,000 jobs: what it reads, what it holds, how long it takes; exits with 1 above a limit.

The MongoDB-wire server of the local system reads the whole collection for each findAndModify, so the changes take as
long as they do there; with MONGODB_URL the same is measured on a server of your own, in a database of its own.
"""

from __future__ import annotations

import dataclasses
import os
import resource
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo.database import Database

from functions.backends.jobs import Jobs
from functions.sweep.repairs import REPAIRS
from functions.sweep.sweeper import Sweeper
from tests.bench.comparison import print_table
from tests.integration import many_jobs, states
from tests.integration.states import Clock
from tests.local.private import private_stack
from tests.local.vhosts import fresh_vhost

JOBS = 100_000
DUE = 3
PASS_SECONDS = 20.0
GROWTH_MEGABYTES = 16


def main() -> int:
    """Measure, print, and return 1 when a limit was passed."""
    with private_stack() as stack:
        stack.need("rabbitmq")
        given = os.environ.get("MONGODB_URL", "")
        if not given:
            stack.need("mongodb")
        clock = Clock()
        with fresh_vhost(stack.home, stack.rabbitmq_url) as queues, database(given or stack.mongodb_url) as stored:
            sweeper = dataclasses.replace(states.sweeper(stored, queues, clock), pass_seconds=PASS_SECONDS)
            states.sweep_once(sweeper)
            began = time.monotonic()
            wanted = many_jobs.fill(sweeper, clock, stored, idle=JOBS, due=DUE)
            print(f"{JOBS:,} jobs and {sum(wanted.values())} changes due, in {time.monotonic() - began:.0f} s")
            questions(sweeper.jobs)
            return drained(sweeper, wanted)


@contextmanager
def database(url: str) -> Iterator[Database[dict[str, Any]]]:
    """Yield an unused database, and drop it if the server outlives this process."""
    with pymongo.MongoClient[dict[str, Any]](url, tz_aware=True) as client:
        made = client[f"bench-{uuid.uuid4().hex[:8]}"]
        yield made
        if "MONGODB_URL" in os.environ:
            client.drop_database(made.name)


def questions(jobs: Jobs) -> None:
    """Print how long each repair's question takes."""
    rows = []
    for repair in REPAIRS:
        began = time.monotonic()
        found = sum(1 for _ in repair.due(jobs, 5000))
        rows.append((repair.name, str(found), f"{(time.monotonic() - began) * 1000:.1f}"))
    print_table(("question", "found", "ms"), rows)


def drained(sweeper: Sweeper, wanted: Counter[str]) -> int:
    """Make passes until nothing is due; print each."""
    held = peak_megabytes()
    totals: Counter[str] = Counter()
    rows: list[tuple[str, ...]] = []
    while True:
        began = time.monotonic()
        found = states.sweep_once(sweeper)
        rows.append((f"pass {len(rows) + 1}", str(sum(found.values())), f"{time.monotonic() - began:.1f}"))
        totals += Counter(found)
        if not found:
            break
    print_table(("", "changes", "seconds"), rows)
    grown = peak_megabytes() - held
    print(
        f"memory: {grown:.0f} MB more at the most, limit {GROWTH_MEGABYTES}; "
        f"all that was due is done: {totals == wanted}"
    )
    return 0 if totals == wanted and grown <= GROWTH_MEGABYTES else 1


def peak_megabytes() -> float:
    """Return the most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    sys.exit(main())

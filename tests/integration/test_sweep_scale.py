"""One pass costs what is due and no more, however many jobs there are."""

from __future__ import annotations

import dataclasses
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from pymongo.database import Database
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from functions.backends.files import Files
from functions.backends.jobs import Jobs
from functions.sweep.repairs import REPAIRS
from functions.sweep.sweeper import Sweeper
from tests.integration import multitude
from tests.integration.lives import PERIODS, Clock, swept

# 100,000 is for ./local/bench sweep: the server that tests use takes minutes to store them.
RESTING = 10_000
DUE = 6
MOST = 4
MEMORY_BYTES = 3_000_000
PASS_SECONDS = 300.0  # longer than the slowest machine needs


class Reader(CommandListener):
    """Count what the database hands out, and remember how it was asked."""

    def __init__(self) -> None:
        self.documents = 0
        self.queries: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Hear that a command is about to be sent."""
        if event.command_name == "find":
            self.queries.append({key: event.command[key] for key in ("find", "filter", "sort", "limit")})

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Hear what a command found."""
        if event.command_name in ("find", "getMore"):
            cursor = event.reply["cursor"]
            self.documents += len(cursor.get("firstBatch", cursor.get("nextBatch", ())))

    def failed(self, _event: CommandFailedEvent) -> None:
        """Hear that a command failed."""


@pytest.fixture
def database(mongodb: str) -> Iterator[Database[dict[str, Any]]]:
    """A database that stays until the server goes: to drop it takes this one longer than all that is done here."""
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True) as client:
        yield client[f"test-{uuid.uuid4().hex[:8]}"]


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def watched(
    sweeper: Sweeper, reader: Reader, mongodb: str, database: Database[dict[str, Any]], clock: Clock
) -> Iterator[Sweeper]:
    """A sweeper for a few jobs at a time, whose commands the reader sees."""
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True, event_listeners=[reader]) as client:
        own = client[database.name]
        yield dataclasses.replace(
            sweeper, jobs=Jobs(own["jobs"], clock, PERIODS), files=Files(own), max_jobs=MOST, pass_seconds=PASS_SECONDS
        )


def test_passes_take_what_is_due_and_read_nothing_else(
    sweeper: Sweeper, watched: Sweeper, reader: Reader, clock: Clock, database: Database[dict[str, Any]]
) -> None:
    """Each pass handles its share in little memory; together they do all that is due; the others stay untouched."""
    wanted = multitude.fill(sweeper, clock, database, resting=RESTING, due=DUE)
    totals = Counter(swept(watched))  # whatever is loaded once is loaded now
    while True:
        reader.documents = 0
        found, grown = traced(watched)
        assert grown < MEMORY_BYTES
        assert reader.documents <= MOST * len(REPAIRS)
        assert reader.documents <= sum(found.values()), "nothing is read that is not repaired"
        if not found:
            break
        totals += Counter(found)
    assert totals == wanted
    untouched = {"updated_at": clock.now - multitude.RESTING_FOR}
    assert database["jobs"].count_documents(untouched) == RESTING


def traced(sweeper: Sweeper) -> tuple[dict[str, int], int]:
    """Make a pass; return what it did and how many bytes it held at most."""
    tracemalloc.start()
    try:
        return swept(sweeper), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_every_question_rides_an_index(watched: Sweeper, reader: Reader, database: Database[dict[str, Any]]) -> None:
    """The server says so itself."""
    swept(watched)
    assert len(reader.queries) == len(REPAIRS)
    for query in reader.queries:
        plan = repr(database.command("explain", query, verbosity="queryPlanner")["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan, (query, plan)
        assert "COLLSCAN" not in plan, (query, plan)

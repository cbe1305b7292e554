"""The cost of one pass depends on what is due, not on the number of jobs."""

from __future__ import annotations

import dataclasses
import itertools
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest
from pymongo.database import Database
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from functions.backends.files import Files
from functions.backends.jobs import Jobs
from functions.common import metrics
from functions.sweep import gauges
from functions.sweep.repairs import REPAIRS
from functions.sweep.sweeper import Sweeper
from tests.integration import many_jobs
from tests.integration.states import PERIODS, Clock, sweep_once

# Far more than all passes together may read; ./local/bench sweep uses 100,000, which take the tests' server minutes.
IDLE = 2_000
DUE = 6
LIMIT = 4
MEMORY_BYTES = 3_000_000
THEN = datetime(2026, 5, 1, 12, tzinfo=UTC)
PASS_SECONDS = 300.0  # more than the slowest machine needs


class QueryRecorder(CommandListener):
    """Counts the documents that the database returns, and records the queries."""

    def __init__(self) -> None:
        self.documents = 0
        self.queries: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Handle the start of a command."""
        if event.command_name == "find":
            told = ("find", "filter", "sort", "limit")
            self.queries.append({key: event.command[key] for key in told if key in event.command})

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Handle the result of a command."""
        if event.command_name in ("find", "getMore"):
            cursor = event.reply["cursor"]
            self.documents += len(cursor.get("firstBatch", cursor.get("nextBatch", ())))

    def failed(self, _event: CommandFailedEvent) -> None:
        """Handle the failure of a command."""


@pytest.fixture
def database(mongodb: str) -> Iterator[Database[dict[str, Any]]]:
    """A database that stays until the server ends, because dropping it takes longer than these tests."""
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True) as client:
        yield client[f"test-{uuid.uuid4().hex[:8]}"]


@pytest.fixture
def recorder() -> QueryRecorder:
    return QueryRecorder()


@pytest.fixture
def small_sweeper(
    sweeper: Sweeper, recorder: QueryRecorder, mongodb: str, database: Database[dict[str, Any]], clock: Clock
) -> Iterator[Sweeper]:
    """A sweeper with a small limit, whose commands the recorder sees."""
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True, event_listeners=[recorder]) as client:
        own = client[database.name]
        yield dataclasses.replace(
            sweeper, jobs=Jobs(own["jobs"], clock, PERIODS), files=Files(own), max_jobs=LIMIT, pass_seconds=PASS_SECONDS
        )


def test_passes_handle_and_read_only_what_is_due(
    sweeper: Sweeper, small_sweeper: Sweeper, recorder: QueryRecorder, clock: Clock, database: Database[dict[str, Any]]
) -> None:
    """Each pass handles its share in little memory; together they handle everything due and nothing else."""
    wanted = many_jobs.fill(sweeper, clock, database, idle=IDLE, due=DUE)
    totals = Counter(sweep_once(small_sweeper))  # loads what is loaded only once
    while True:
        recorder.documents = 0
        found, grown = traced(small_sweeper)
        assert grown < MEMORY_BYTES
        assert recorder.documents <= LIMIT * len(REPAIRS)
        assert recorder.documents <= sum(found.values()), "a pass must read only what it repairs"
        if not found:
            break
        totals += Counter(found)
    assert totals == wanted
    untouched = {"updated_at": clock.now - many_jobs.IDLE_FOR}
    assert database["jobs"].count_documents(untouched) == IDLE


def traced(sweeper: Sweeper) -> tuple[dict[str, int], int]:
    """Run a pass; return its counts and its peak memory in bytes."""
    tracemalloc.start()
    try:
        return sweep_once(sweeper), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_every_query_uses_an_index(
    small_sweeper: Sweeper, recorder: QueryRecorder, database: Database[dict[str, Any]]
) -> None:
    """The server confirms it."""
    sweep_once(small_sweeper)
    assert len(recorder.queries) == len(REPAIRS)
    for query in recorder.queries:
        plan = repr(database.command("explain", query, verbosity="queryPlanner")["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan, (query, plan)
        assert "COLLSCAN" not in plan, (query, plan)


def test_every_query_of_the_gauges_uses_an_index(
    small_sweeper: Sweeper, recorder: QueryRecorder, database: Database[dict[str, Any]]
) -> None:
    small_sweeper.jobs.prepare()
    many = [
        {"_id": str(number), "state": state, "mail": {"state": mail}, "webhook": {"state": "none"}}
        for number, (state, mail) in enumerate(itertools.product(("ready", "done", "failed"), ("none", "sent") * 20))
    ]
    database["jobs"].insert_many([job | {"created_at": THEN} for job in many])
    gauges.update(small_sweeper.jobs, PASS_SECONDS)
    assert metrics.gauges()[metrics.JOBS]["ready"] == 20
    assert metrics.gauges()[metrics.MAILS]["none"] == 40
    assert {query["find"] for query in recorder.queries} == {"jobs"}
    assert len(recorder.queries) == 5 + 2 * (5 + 3)
    for query in recorder.queries:
        plan = repr(database.command("explain", query, verbosity="queryPlanner")["queryPlanner"]["winningPlan"])
        fields = ["state", *(query["filter"].keys() - {"state"})]
        assert f"'keyPattern': {{{', '.join(f'{field!r}: 1' for field in fields)}, " in plan, (query, plan)
        assert "COLLSCAN" not in plan, (query, plan)

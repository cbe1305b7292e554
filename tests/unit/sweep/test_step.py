"""The step of sweep: it creates indexes once, makes a pass, and counts its errors and gauges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from functions.backends import feeds as feeds_backend
from functions.backends import files as files_backend
from functions.backends import idempotency_keys as keys_backend
from functions.backends import jobs as jobs_backend
from functions.backends import queue as queue_backend
from functions.backends import usage as usage_backend
from functions.common import errors, metrics
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Mongo, Sweeping
from functions.sweep import step
from tests.exploration.memory import MemoryCollection
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import System

SWEEPING = load(Sweeping, {})
MONGO = load(Mongo, {"MONGODB_URL": "mongodb://nowhere/"})


class IndexedCollection(MemoryCollection):
    """A collection that counts how often its indexes were created, and may be unreachable then."""

    def __init__(self) -> None:
        super().__init__()
        self.prepared = 0
        self.reached = True

    def create_indexes(self, _indexes: list[Any]) -> None:
        """Create indexes, which change no results."""
        if not self.reached:
            raise AutoReconnect("no answer")
        self.prepared += 1

    def drop_index(self, _index: list[Any]) -> None:
        """Drop an index that there is not, with the error of a server."""
        raise OperationFailure("index not found", 27)


@pytest.fixture
def collection() -> IndexedCollection:
    return IndexedCollection()


@pytest.fixture
def system(collection: IndexedCollection, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """The backends that the step uses."""
    made = System(collection=collection)
    monkeypatch.setattr(jobs_backend, "connect", lambda: made.jobs)
    monkeypatch.setattr(files_backend, "connect", lambda: made.files)
    monkeypatch.setattr(queue_backend, "connect", lambda: made.queue)
    monkeypatch.setattr(usage_backend, "connect", lambda: made.usage)
    monkeypatch.setattr(keys_backend, "connect", lambda: made.keys)
    monkeypatch.setattr(feeds_backend, "connect", lambda: made.feeds)
    step._prepare.cache_clear()
    metrics.take_changes()
    yield made
    step._prepare.cache_clear()
    metrics.set_gauges({})


def troubles() -> dict[str, float]:
    """Return the errors counted since the last call."""
    amounts = metrics.take_changes().amounts
    return {labels[0]: amount for (metric, labels), amount in amounts.items() if metric is metrics.TROUBLES}


def test_a_pass_is_made_and_counted(system: System) -> None:
    job_id = states.ready(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)
    assert step.run(SWEEPING, MONGO) == {"announce_ready": 1}
    assert system.queue.published == [("uploaded", job_id)]
    assert troubles() == {metrics.REPAIRS_FAILED: 0, metrics.NOT_REPAIRED: 0}
    assert metrics.gauges()[metrics.JOBS]["ready"] == 1
    assert step.run(SWEEPING, MONGO) == {}


def test_errors_are_counted(system: System, collection: IndexedCollection) -> None:
    """An unreachable broker fails a repair, and a malformed job is not repaired."""
    states.ready(system.sweeper)
    malformed = states.received(system.sweeper)
    del collection.documents[malformed]["epoch"]
    system.clock.advance(seconds=PERIODS.upload_lease)
    system.queue.down = True
    counts = step.run(SWEEPING, MONGO)
    assert counts == {metrics.NOT_REPAIRED: 1, "announce_ready": 1, metrics.REPAIRS_FAILED: 1}
    assert troubles() == {metrics.REPAIRS_FAILED: 1, metrics.NOT_REPAIRED: 1}


def test_indexes_are_created_once(system: System, collection: IndexedCollection) -> None:
    for _ in range(3):
        step.run(SWEEPING, MONGO)
    assert collection.prepared == 1


def test_failed_indexes_are_created_by_the_next_pass(system: System, collection: IndexedCollection) -> None:
    """A pass without them would read all jobs."""
    collection.reached = False
    with pytest.raises(Failure) as failure:
        step.run(SWEEPING, MONGO)
    assert failure.value.kind is errors.UNAVAILABLE
    collection.reached = True
    step.run(SWEEPING, MONGO)
    assert collection.prepared == 1


def test_the_time_limit_of_a_pass_is_a_setting(system: System) -> None:
    states.ready(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)
    assert step.run(SWEEPING.replace(pass_seconds=0.0), MONGO) == {}


def test_users_are_counted_once_a_day_and_old_keys_deleted(system: System) -> None:
    states.ready(system.sweeper)
    system.usage.count_again("1")
    for key, user in (("old", "1"), ("new", "1")):
        system.keys.take(system.keys.find(user, key), "x")
        system.clock.advance(hours=20)
    system.database["usage"].documents["1"]["open"] = 7
    step.run(SWEEPING, MONGO)
    assert system.database["usage"].documents["1"]["open"] == 1
    assert len(system.database["keys"].documents) == 1
    system.database["usage"].documents["1"]["open"] = 7
    system.clock.advance(hours=20)
    step.run(SWEEPING, MONGO)
    assert system.database["usage"].documents["1"]["open"] == 7

"""Counts on a real server: as in memory, and under a race nobody gets past a quota."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from pymongo.database import Database
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from functions.backends.files import Files
from functions.backends.idempotency_keys import Key, Keys
from functions.backends.jobs import Jobs
from functions.backends.usage import Full, Place, Usage
from functions.common import ids, transitions
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Quotas
from functions.common.values import Document
from functions.sweep.sweeper import Sweeper
from tests.exploration.memory import MemoryDatabase
from tests.integration import states
from tests.integration.states import PERIODS, Clock
from tests.unit.in_memory import RecordingQueue

NONE = load(Quotas, {}).replace(kept_bytes=0, jobs_at_once=0, jobs_a_day=0, conversion_seconds=0)
THREADS = 16


@pytest.fixture
def usage(database: Database[Document]) -> Usage:
    return Usage(database["usage"], Jobs(database["jobs"], lambda: datetime.now(UTC), PERIODS))


@pytest.mark.attack("B19")
@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        (NONE.replace(jobs_at_once=10), 10),
        (NONE.replace(jobs_a_day=100), 100),
        (NONE.replace(kept_bytes=700), 7),
        (NONE.replace(jobs_at_once=50, kept_bytes=3000), 30),
    ],
)
def test_exactly_as_many_as_fit_get_a_place(limits: Quotas, fits: int, usage: Usage) -> None:
    def begin(_: int) -> Place | None:
        try:
            return usage.reserve("1", ids.new(), 100, limits)
        except Full:
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        places = [place for place in pool.map(begin, range(fits + 60)) if place]
        assert len(places) == fits
        list(pool.map(lambda place: place.give_back(), places))
        assert sum(place is not None for place in pool.map(begin, range(fits + 20))) == fits


def test_counting_anew_during_a_race_loses_nothing(usage: Usage) -> None:
    """Places come and go while the jobs are counted again and again."""

    def begin(number: int) -> None:
        place = usage.reserve("1", ids.new(), 10, NONE)
        usage.count_again("1") if number % 5 == 0 else None
        if number % 2:
            place.give_back()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(begin, range(60)))
    counts = usage.count_again("1")
    assert counts
    assert (counts["open"], counts["bytes"], counts["jobs"], len(counts["pending"])) == (30, 300, 30, 30)


class Sent(CommandListener):
    """The names of all commands that a client has sent."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def started(self, event: CommandStartedEvent) -> None:
        """Remember a command."""
        self.names.add(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Need nothing."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Need nothing."""


@pytest.mark.attack("S7")
def test_who_may_only_read_sends_nothing_else(mongodb: str, database: Database[Document], usage: Usage) -> None:
    """Such a user of MongoDB has the right to find, and no other."""
    usage.reserve("1", ids.new(), 100, NONE)
    limits, sent = NONE.replace(kept_bytes=1000), Sent()
    with pymongo.MongoClient[Document](mongodb, tz_aware=True, event_listeners=[sent]) as client:
        reading = client[database.name]
        jobs = Jobs(reading["jobs"], lambda: datetime.now(UTC) + timedelta(seconds=2), PERIODS)
        (found,) = Usage(reading["usage"], jobs).seen("1", limits)
    assert found.used == 100
    assert sent.names - {"endSessions"} == {"find"}


@pytest.mark.attack("B20")
def test_one_of_many_uploads_gets_a_key(database: Database[Document]) -> None:
    jobs = Jobs(database["jobs"], lambda: datetime.now(UTC), PERIODS)
    keys = Keys(database["keys"], jobs)
    for former in (False, True):
        key = keys.find("1", "k")

        def take(_: int, key: Key = key) -> bool:
            try:
                keys.take(key, ids.new())
            except Failure:
                return False
            return True

        assert (key.former is not None) == former
        with ThreadPoolExecutor(THREADS) as pool:
            assert sum(pool.map(take, range(THREADS))) == 1
        database["keys"].update_one({"_id": key.id}, {"$set": {"at": datetime(2026, 1, 1, tzinfo=UTC)}})


def _everything(database: Any) -> Any:
    """Do everything that counts; return the documents in the end."""
    clock = Clock()
    jobs = Jobs(database["jobs"], clock, PERIODS)
    usage, keys = Usage(database["usage"], jobs), Keys(database["keys"], jobs)
    sweeper = Sweeper(jobs, Files(database), RecordingQueue(), usage)
    limits = NONE.replace(kept_bytes=200)
    first = usage.reserve("1", "a", 50, limits)
    first.cover(80)
    first.renew()
    usage.reserve("1", "b", 0, limits).give_back()
    first.settle(70)
    job = sweeper.jobs.find(states.converting(sweeper))
    assert job
    states.take(sweeper, transitions.FAIL, job["_id"], epoch=1, error={}, seconds=7)
    usage.charge(job, 7, 3)
    usage.remember(job | {"state": transitions.DELETING, "spent": 7})
    key = keys.find("1", "k")
    keys.take(key, "a")
    keys.renew(key, "a")
    keys.take(keys.find("1", "l"), "b")
    keys.release(keys.find("2", "x"), "b")
    clock.advance(hours=23)
    seen = usage.seen("1", limits)
    usage.count_again("1")
    assert seen == usage.of("1", limits)
    assert list(usage.due(5)) == []
    clock.advance(hours=25)
    assert list(usage.due(5)) == ["1"]
    keys.forget()
    return database["usage"].find_one({"_id": "1"}), database["keys"].find_one({})


def test_everything_on_both(database: Database[Document]) -> None:
    assert _everything(database) == _everything(MemoryDatabase())
    assert _everything(MemoryDatabase())[0]["gone"] == {"jobs": 1, "seconds": 7}

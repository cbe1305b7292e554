"""Sweep continues despite broken jobs, a slow backend, other sweepers, or a wrong clock."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, tzinfo
from threading import Barrier
from typing import Any, Self
from urllib.parse import urlsplit

import pymongo
import pytest
from pymongo.database import Database

from functions.backends import jobs as jobs_backend
from functions.backends import mongodb as mongodb_backend
from functions.backends.files import VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.usage import Usage
from functions.common import transitions
from functions.common.errors import UNAVAILABLE, Failure
from functions.sweep.sweeper import Sweeper
from tests.chaos.proxy import Proxy
from tests.integration import states
from tests.integration.states import PERIODS, Clock, done, ready, received, state, sweep_once

SWEEPERS = 4
EACH = 5
DELAY_SECONDS = 0.2
HOUR = 3600.0


class UndeletableFiles(Files):
    """Files that partly cannot be deleted, as if one shard were unavailable: no local server has shards."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        super().__init__(database)
        self.stuck: set[str] = set()

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete files, unless one of them cannot be deleted."""
        if self.stuck & set(file_ids):
            raise Failure(UNAVAILABLE)
        super().delete(bucket, *file_ids)


def test_a_job_that_cannot_be_cleaned_does_not_block_others(
    sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]]
) -> None:
    """It moves to the end of the queue after each failure, and is cleaned once that is possible."""
    files = UndeletableFiles(database)
    alone = dataclasses.replace(sweeper, files=files, max_jobs=1)
    first, second = states.deleted(sweeper), states.deleted(sweeper)
    files.stuck = {first}
    clock.advance(seconds=PERIODS.announce_gap)
    database["jobs"].update_one({"_id": second}, {"$set": {"cleanup.at": clock.now}})
    assert sweep_once(alone) == {"not_mended": 1, "clean_later": 1}
    assert sweep_once(alone) == {"clean_again": 1}
    assert sweeper.files.read(VIDEOS, second) is None
    assert sweeper.files.read(VIDEOS, first) is not None
    for _ in range(3):
        clock.advance(seconds=PERIODS.longest_step)
        sweep_once(alone), sweep_once(alone)
    assert [job["_id"] for job in database["jobs"].find()] == [first]
    files.stuck = set()
    clock.advance(seconds=PERIODS.announce_gap)
    assert sweep_once(alone) == {"forget": 1}
    assert sweeper.files.read(VIDEOS, first) is None


def test_invalid_documents(sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]]) -> None:
    """Each delays only itself; everything behind it is repaired in the same pass."""
    well = [
        received(sweeper),
        states.converting(sweeper),
        states.claimed(sweeper),
        states.deleted(sweeper),
        done(sweeper),
    ]
    clock.advance(days=6)
    long_ago = clock.now - timedelta(days=300)
    poison: list[dict[str, Any]] = [
        {"state": "receiving", "lease": {"until": long_ago}},
        {"state": "converting", "lease": {"until": long_ago}, "epoch": "one", "mail": {}, "attempts": 0},
        {"state": "converting", "lease": {"until": long_ago}, "epoch": 1, "mail": {}, "attempts": "many"},
        {"state": "done", "mail": {"state": "claimed", "until": long_ago}},
        {"state": "done", "mail": None, "epoch": 1, "expires": {"video": long_ago, "mp3": long_ago, "job": long_ago}},
        {"state": "deleting", "mail": {}, "epoch": 2, "cleanup": {"at": long_ago}},
        {"state": "deleting", "mail": {}, "cleanup": {"at": long_ago, "until": long_ago}},
        {"state": "ready", "mail": {}, "epoch": 0, "announce_due": long_ago},
        {"state": "nonsense", "mail": {}, "epoch": 0, "announced_at": 0, "announce_gap": 1, "announce_due": long_ago},
    ]
    database["jobs"].insert_many({"_id": f"poison-{number}", **document} for number, document in enumerate(poison))
    found = sweep_once(sweeper)
    assert found["not_mended"] >= len(poison)
    wanted = {"abandon", "expire", "expire_mail", "expire_video", "expire_mp3", "delete", "clean_again"}
    assert wanted <= found.keys()
    assert "repairs_failed" not in found
    found_states = {job["_id"]: job["state"] for job in database["jobs"].find({"_id": {"$in": well}})}
    assert [found_states[job_id] for job_id in well] == ["aborted", "ready", "deleting", "deleting", "deleting"]


def test_slow_files_leave_time_for_other_repairs(
    sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]], mongodb: str
) -> None:
    """Repairs take turns, so a pass with too much to clean still does everything else."""
    deleted = [states.deleted(sweeper) for _ in range(20)]
    waiting = [ready(sweeper) for _ in range(20)]
    clock.advance(seconds=PERIODS.announce_gap)
    target = urlsplit(mongodb)
    proxy = Proxy((target.hostname or "", target.port or 0))
    proxy.delay(DELAY_SECONDS)
    try:
        with pymongo.MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{proxy.port}", tz_aware=True) as client:
            slow = dataclasses.replace(sweeper, files=Files(client[database.name]), pass_seconds=4.0)
            found = sweep_once(slow)
    finally:
        proxy.close()
    assert found["announce_ready"] == len(waiting)
    assert 0 < found["clean_again"] < len(deleted), "the next pass must have work left"
    assert sweep_once(sweeper)["clean_again"] == len(deleted) - found["clean_again"]


def test_an_unavailable_database(sweeper: Sweeper) -> None:
    """A pass fails if the database is unavailable, and the timer gets an error."""
    away: Database[dict[str, Any]] = pymongo.MongoClient("mongodb://127.0.0.1:1", timeoutMS=300)["none"]
    with pytest.raises(Failure) as failed:
        sweep_once(dataclasses.replace(sweeper, jobs=Jobs(away["jobs"], Clock(), PERIODS), pass_seconds=2.0))
    assert failed.value.kind is UNAVAILABLE
    away.client.close()


def test_many_sweepers_at_once(database: Database[dict[str, Any]], queues: str, clock: Clock, sweeper: Sweeper) -> None:
    """Each change is made once and each event is sent once, however many sweepers run."""
    for make in (received, ready, states.converting, states.claimed, states.handing_over, states.deleted, done):
        for _ in range(EACH):
            make(sweeper)
    clock.advance(days=1)
    together = Barrier(SWEEPERS)

    def sweep(_number: int) -> dict[str, int]:
        own = states.sweeper(database, queues, clock)
        together.wait()
        return sweep_once(own)

    with ThreadPoolExecutor(SWEEPERS) as pool:
        totals = sum((Counter(found) for found in pool.map(sweep, range(SWEEPERS))), Counter[str]())
    while found := sweep_once(sweeper):
        totals += Counter(found)
    assert totals == Counter(
        {
            "abandon": EACH,
            "announce_ready": EACH,
            "expire": EACH,
            "expire_mail": EACH,
            "lose_mail": EACH,
            "expire_video": 3 * EACH,
            "forget": EACH,
            "clean_again": 5 * EACH,
            "cleaned": 3 * EACH,
        }
    )
    assert states.events(queues, "videos") == 2 * EACH
    assert states.events(queues, "mp3s") == EACH


@pytest.fixture
def server_jobs(mongodb: str, database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """The jobs as a function uses them, with the server's clock."""
    monkeypatch.setenv("MONGODB_URL", mongodb)
    monkeypatch.setenv("MONGODB_DATABASE", database.name)
    caches = (mongodb_backend.connect, jobs_backend.connect)
    for cache in caches:
        cache.cache_clear()
    yield jobs_backend.connect()
    mongodb_backend.connect().client.close()
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("shift", [-HOUR, HOUR], ids=["an hour slow", "an hour fast"])
def test_a_wrong_clock(shift: float, server_jobs: Jobs, queues: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases use the database's clock, so a machine's clock does not matter."""
    database = mongodb_backend.connect()
    sweeper = Sweeper(server_jobs, Files(database), states.queue(queues), Usage(database["usage"], server_jobs))
    shift_clock(monkeypatch, shift)
    living, dead = received(sweeper), received(sweeper)
    server = mongodb_backend.connect().client.admin.command("hello")["localTime"]
    jobs = mongodb_backend.connect()["jobs"]
    lease = jobs.find_one({"_id": living})["lease"]["until"]  # type: ignore[index]
    assert abs(lease.timestamp() - server.timestamp() - server_jobs.periods.upload_lease) < HOUR / 2
    jobs.update_one({"_id": dead}, {"$set": {"lease.until": lease - timedelta(seconds=2 * PERIODS.upload_lease)}})
    sweep_once(sweeper)
    assert state(sweeper, living) == transitions.RECEIVING
    assert state(sweeper, dead) == transitions.ABORTED


def shift_clock(patch: pytest.MonkeyPatch, shift: float) -> None:
    """Change this process's clock for everything that the functions import."""
    real = time.time

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            moment = datetime.now(tz) + timedelta(seconds=shift)
            return cls.fromtimestamp(moment.timestamp(), tz)

    patch.setattr(time, "time", lambda: real() + shift)
    for name in [name for name in sys.modules if name.startswith("functions.")]:
        module = importlib.import_module(name)
        if getattr(module, "datetime", None) is datetime:
            patch.setattr(module, "datetime", Shifted)

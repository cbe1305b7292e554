"""What must not stop sweep: jobs that cannot be repaired, a slow backend, other sweepers, a wrong clock."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, tzinfo
from threading import Barrier, Event
from typing import Any, Self
from urllib.parse import urlsplit

import pymongo
import pytest
from pymongo.database import Database

from functions.backends import jobs as jobs_backend
from functions.backends import mongodb as mongodb_backend
from functions.backends.files import VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.common import transitions
from functions.common.config import load
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Sweeping
from functions.connector.settings import Connector
from functions.sweep import sweeping
from functions.sweep.sweeper import Sweeper
from tests.chaos.proxy import Proxy
from tests.integration import lives
from tests.integration.lives import PERIODS, Clock, done, ready, received, state, swept

SWEEPERS = 4
EACH = 5
DELAY_SECONDS = 0.2
HOUR = 3600.0


class Stuck(Files):
    """Files of which some cannot be deleted, as when one shard is away: no local server has shards."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        super().__init__(database)
        self.stuck: set[str] = set()

    def delete(self, bucket: str, *file_ids: str) -> None:
        """Delete files, unless one of them is stuck."""
        if self.stuck & set(file_ids):
            raise Failure(UNAVAILABLE)
        super().delete(bucket, *file_ids)


def test_a_job_that_cannot_be_cleaned_lets_the_others_pass(
    sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]]
) -> None:
    """It goes to the end of the line, however often it fails, and is cleaned once that can be done."""
    files = Stuck(database)
    alone = dataclasses.replace(sweeper, files=files, max_jobs=1)
    first, second = lives.deleted(sweeper), lives.deleted(sweeper)
    files.stuck = {first}
    clock.passes(seconds=PERIODS.announce_gap)
    database["jobs"].update_one({"_id": second}, {"$set": {"cleanup.at": clock.now}})
    assert swept(alone) == {"not_mended": 1, "clean_later": 1}
    assert swept(alone) == {"clean_again": 1}
    assert sweeper.files.read(VIDEOS, second) is None
    assert sweeper.files.read(VIDEOS, first) is not None
    for _ in range(3):
        clock.passes(seconds=PERIODS.longest_step)
        swept(alone), swept(alone)
    assert [job["_id"] for job in database["jobs"].find()] == [first]
    files.stuck = set()
    clock.passes(seconds=PERIODS.announce_gap)
    assert swept(alone) == {"forget": 1}
    assert sweeper.files.read(VIDEOS, first) is None


def test_documents_that_are_not_as_they_should_be(
    sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]]
) -> None:
    """Each costs its own turn; whatever waits behind it is repaired in the same pass."""
    well = [received(sweeper), lives.converting(sweeper), lives.claimed(sweeper), lives.deleted(sweeper), done(sweeper)]
    clock.passes(days=6)
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
    found = swept(sweeper)
    assert found["not_mended"] >= len(poison)
    wanted = {"abandon", "expire", "expire_mail", "expire_video", "expire_mp3", "delete", "clean_again"}
    assert wanted <= found.keys()
    assert "repairs_failed" not in found
    states = {job["_id"]: job["state"] for job in database["jobs"].find({"_id": {"$in": well}})}
    assert [states[job_id] for job_id in well] == ["aborted", "ready", "deleting", "deleting", "deleting"]


def test_slow_files_leave_time_to_the_other_repairs(
    sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]], mongodb: str
) -> None:
    """Repairs take turns: a pass that could spend all its time on cleaning does the rest too."""
    deleted = [lives.deleted(sweeper) for _ in range(20)]
    waiting = [ready(sweeper) for _ in range(20)]
    clock.passes(seconds=PERIODS.announce_gap)
    target = urlsplit(mongodb)
    proxy = Proxy((target.hostname or "", target.port or 0))
    proxy.delay(DELAY_SECONDS)
    try:
        with pymongo.MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{proxy.port}", tz_aware=True) as client:
            slow = dataclasses.replace(sweeper, files=Files(client[database.name]), pass_seconds=4.0)
            found = swept(slow)
    finally:
        proxy.close()
    assert found["announce_ready"] == len(waiting)
    assert 0 < found["clean_again"] < len(deleted), "the rest is for the next pass"
    assert swept(sweeper)["clean_again"] == len(deleted) - found["clean_again"]


def test_a_pass_ends_when_its_process_must(sweeper: Sweeper, clock: Clock) -> None:
    """SIGTERM leaves the rest to the next pass."""
    ready(sweeper)
    clock.passes(seconds=PERIODS.announce_gap)
    stopping = Event()
    stopping.set()
    assert sweeping.run(sweeper, stopping) == {}
    assert sweeping.run(sweeper, Event()) == {"announce_ready": 1}


def test_nothing_can_be_asked(sweeper: Sweeper) -> None:
    """A database that is away is a failed pass, which the timer hears of."""
    away: Database[dict[str, Any]] = pymongo.MongoClient("mongodb://127.0.0.1:1", timeoutMS=300)["none"]
    with pytest.raises(Failure) as failed:
        swept(dataclasses.replace(sweeper, jobs=Jobs(away["jobs"], Clock(), PERIODS), pass_seconds=2.0))
    assert failed.value.kind is UNAVAILABLE
    away.client.close()


def test_many_sweepers_at_once(database: Database[dict[str, Any]], queues: str, clock: Clock, sweeper: Sweeper) -> None:
    """Each change is made once, and each event is sent once, however many sweep the same jobs."""
    for make in (received, ready, lives.converting, lives.claimed, lives.handing_over, lives.deleted, done):
        for _ in range(EACH):
            make(sweeper)
    clock.passes(days=1)
    together = Barrier(SWEEPERS)

    def sweep(_number: int) -> dict[str, int]:
        own = lives.sweeper(database, queues, clock)
        together.wait()
        return swept(own)

    with ThreadPoolExecutor(SWEEPERS) as pool:
        totals = sum((Counter(found) for found in pool.map(sweep, range(SWEEPERS))), Counter[str]())
    while found := swept(sweeper):
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
    assert lives.events(queues, "videos") == 2 * EACH
    assert lives.events(queues, "mp3s") == EACH


@pytest.fixture
def server_jobs(mongodb: str, database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """The jobs as a function sees them, by the server's own clock."""
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
def test_a_clock_that_is_wrong(shift: float, server_jobs: Jobs, queues: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases begin and end by the database's clock, so that of a machine does not matter."""
    sweeper = Sweeper(server_jobs, Files(mongodb_backend.connect()), lives.queue(queues))
    shift_clock(monkeypatch, shift)
    living, dead = received(sweeper), received(sweeper)
    server = mongodb_backend.connect().client.admin.command("hello")["localTime"]
    jobs = mongodb_backend.connect()["jobs"]
    lease = jobs.find_one({"_id": living})["lease"]["until"]  # type: ignore[index]
    assert abs(lease.timestamp() - server.timestamp() - server_jobs.periods.upload_lease) < HOUR / 2
    jobs.update_one({"_id": dead}, {"$set": {"lease.until": lease - timedelta(seconds=2 * PERIODS.upload_lease)}})
    swept(sweeper)
    assert state(sweeper, living) == transitions.RECEIVING
    assert state(sweeper, dead) == transitions.ABORTED


def shift_clock(patch: pytest.MonkeyPatch, shift: float) -> None:
    """Make the clock of this process wrong for all that the functions import."""
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


def test_a_pass_fits_between_two_ticks() -> None:
    """By default one pass is over before the timer asks for the next."""
    assert load(Sweeping, {}).pass_seconds < load(Connector, {"CONNECTOR_SINKS": "a=http://b/"}).sweep_every

"""A sweeper crashes between any two database commands: the next pass completes its work."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pymongo
import pytest
from pymongo.database import Database
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.common import transitions
from functions.sweep.sweeper import Sweeper
from tests.integration import states
from tests.integration.states import PERIODS, Clock, store, sweep_once

CHANGES = ("insert", "update", "delete", "findAndModify")
MAX_CHANGES = 50


class Crash(BaseException):
    """The process has crashed: nothing catches this."""


class Crasher(CommandListener):
    """Crashes before a command that changes something; only the changes before a crash matter."""

    def __init__(self) -> None:
        self._left: int | None = None

    def crash_before(self, number: int | None) -> None:
        """Crash before the change with this number from now on, counted from 0; or never."""
        self._left = number

    def started(self, event: CommandStartedEvent) -> None:
        """Handle the start of a command."""
        if self._left is None or event.command_name not in CHANGES:
            return
        if self._left == 0:
            raise Crash
        self._left -= 1

    def succeeded(self, _event: CommandSucceededEvent) -> None:
        """Handle the success of a command."""

    def failed(self, _event: CommandFailedEvent) -> None:
        """Handle the failure of a command."""


def with_orphans(sweeper: Sweeper) -> str:
    """Return a done job, with the files of two overtaken converters."""
    job_id = states.done(sweeper)
    sweeper.jobs._collection.update_one({"_id": job_id}, {"$set": {"epoch": 3}})
    store(sweeper, MP3S, f"{job_id}.2")
    store(sweeper, MP3S, f"{job_id}.3")
    return job_id


def deleted_with_orphans(sweeper: Sweeper) -> str:
    """Return such a job after its owner has deleted it."""
    job_id = with_orphans(sweeper)
    states.take(sweeper, transitions.DELETE, job_id, epoch=3)
    return job_id


CASES: list[tuple[str, Callable[[Sweeper], str], dict[str, float], set[str]]] = [
    ("an interrupted upload", states.received, {"seconds": PERIODS.upload_lease}, set()),
    ("a deleted job", deleted_with_orphans, {"seconds": PERIODS.announce_gap}, set()),
    ("overtaken converters", with_orphans, {"seconds": PERIODS.announce_gap}, {"video", "mp3"}),
    ("an expired video", with_orphans, {"days": PERIODS.video_keep_days}, {"mp3"}),
    ("an expired MP3", states.done, {"days": PERIODS.mp3_keep_days}, set()),
    ("an expired job", states.done, {"days": PERIODS.job_keep_days}, set()),
]


@pytest.mark.parametrize(("make", "passes", "kept"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_crash_before_every_change(
    make: Callable[[Sweeper], str],
    passes: dict[str, float],
    kept: set[str],
    sweeper: Sweeper,
    clock: Clock,
    database: Database[dict[str, Any]],
    mongodb: str,
) -> None:
    """Nothing stays half deleted, nothing is deleted that must stay, and the job ends as without a crash."""
    crasher = Crasher()
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True, event_listeners=[crasher]) as client:
        own = client[database.name]
        doomed = dataclasses.replace(sweeper, jobs=Jobs(own["jobs"], clock, PERIODS), files=Files(own))
        deaths = 0
        while deaths < MAX_CHANGES:
            job_id = make(sweeper)
            clock.advance(**passes)
            crasher.crash_before(deaths)
            died = crashes(doomed)
            crasher.crash_before(None)
            assert half_deleted(database) == set()
            until_quiet(sweeper, clock)
            assert stored(database, job_id) == kept
            assert leftovers(database) == {VIDEOS: 0, MP3S: 0}
            if not died:
                break
            deaths += 1
            forget_all(database)
    assert 3 <= deaths < MAX_CHANGES, "unexpected number of changes"


def crashes(sweeper: Sweeper) -> bool:
    """Run a pass, and tell whether it crashed."""
    try:
        sweep_once(sweeper)
    except Crash:
        return True
    return False


def until_quiet(sweeper: Sweeper, clock: Clock) -> None:
    """Run passes and advance the clock, until there is nothing left to do."""
    for _ in range(3):
        sweep_once(sweeper)
        clock.advance(seconds=PERIODS.longest_step)
    assert sweep_once(sweeper) == {}


def half_deleted(database: Database[dict[str, Any]]) -> set[str]:
    """Return the files that a reader would find incomplete."""
    return {
        str(entry["_id"])
        for bucket in (VIDEOS, MP3S)
        for entry in database[f"{bucket}.files"].find()
        if not database[f"{bucket}.chunks"].count_documents({"files_id": entry["_id"]})
    }


def stored(database: Database[dict[str, Any]], job_id: str) -> set[str]:
    """Return which complete files of a job are stored under the names in its document."""
    job = database["jobs"].find_one({"_id": job_id}) or {}
    names = {"video": (VIDEOS, job_id), "mp3": (MP3S, job.get("mp3", {}).get("file_id"))}
    return {what for what, (bucket, name) in names.items() if database[f"{bucket}.files"].find_one({"_id": name})}


def leftovers(database: Database[dict[str, Any]]) -> dict[str, int]:
    """Return the numbers of chunks and file documents without a job."""
    named = {
        VIDEOS: {job["_id"] for job in database["jobs"].find()},
        MP3S: {job["mp3"]["file_id"] for job in database["jobs"].find({"mp3": {"$exists": True}})},
    }
    return {
        bucket: sum(
            database[f"{bucket}.{part}"].count_documents({key: {"$nin": sorted(named[bucket])}})
            for part, key in (("files", "_id"), ("chunks", "files_id"))
        )
        for bucket in (VIDEOS, MP3S)
    }


def forget_all(database: Database[dict[str, Any]]) -> None:
    """Empty the database for the next crash."""
    for name in ("jobs", *(f"{bucket}.{part}" for bucket in (VIDEOS, MP3S) for part in ("files", "chunks"))):
        database[name].delete_many({})

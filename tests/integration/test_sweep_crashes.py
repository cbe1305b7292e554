"""A sweeper that dies between any two commands to the database: whatever it left, the next one finishes."""

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
from tests.integration import lives
from tests.integration.lives import PERIODS, Clock, store, swept

CHANGES = ("insert", "update", "delete", "findAndModify")
MOST_CHANGES = 50


class Death(BaseException):
    """The process is gone: nothing catches this."""


class Killer(CommandListener):
    """Kill before a command that changes something; between two of them it does not matter when a process dies."""

    def __init__(self) -> None:
        self._left: int | None = None

    def aim(self, number: int | None) -> None:
        """Kill before the change of this number from now on, the first being 0; or never."""
        self._left = number

    def started(self, event: CommandStartedEvent) -> None:
        """Hear that a command is about to be sent."""
        if self._left is None or event.command_name not in CHANGES:
            return
        if self._left == 0:
            raise Death
        self._left -= 1

    def succeeded(self, _event: CommandSucceededEvent) -> None:
        """Hear that a command was carried out."""

    def failed(self, _event: CommandFailedEvent) -> None:
        """Hear that a command failed."""


def with_orphans(sweeper: Sweeper) -> str:
    """Return a job that is done, with the files of two converters that lost it."""
    job_id = lives.done(sweeper)
    sweeper.jobs._collection.update_one({"_id": job_id}, {"$set": {"epoch": 3}})
    store(sweeper, MP3S, f"{job_id}.2")
    store(sweeper, MP3S, f"{job_id}.3")
    return job_id


def deleted_with_orphans(sweeper: Sweeper) -> str:
    """Return such a job that its owner deleted."""
    job_id = with_orphans(sweeper)
    lives.take(sweeper, transitions.DELETE, job_id, epoch=3)
    return job_id


CASES: list[tuple[str, Callable[[Sweeper], str], dict[str, float], set[str]]] = [
    ("an upload that died", lives.received, {"seconds": PERIODS.upload_lease}, set()),
    ("a job that was deleted", deleted_with_orphans, {"seconds": PERIODS.announce_gap}, set()),
    ("converters that lost", with_orphans, {"seconds": PERIODS.announce_gap}, {"video", "mp3"}),
    ("a video past its time", with_orphans, {"days": PERIODS.video_keep_days}, {"mp3"}),
    ("an MP3 past its time", lives.done, {"days": PERIODS.mp3_keep_days}, set()),
    ("a job past its time", lives.done, {"days": PERIODS.job_keep_days}, set()),
]


@pytest.mark.parametrize(("make", "passes", "kept"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_killed_before_every_change(
    make: Callable[[Sweeper], str],
    passes: dict[str, float],
    kept: set[str],
    sweeper: Sweeper,
    clock: Clock,
    database: Database[dict[str, Any]],
    mongodb: str,
) -> None:
    """Nothing is half deleted for good, nothing is deleted that must stay, and the job ends as it would have."""
    killer = Killer()
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True, event_listeners=[killer]) as client:
        own = client[database.name]
        doomed = dataclasses.replace(sweeper, jobs=Jobs(own["jobs"], clock, PERIODS), files=Files(own))
        deaths = 0
        while deaths < MOST_CHANGES:
            job_id = make(sweeper)
            clock.passes(**passes)
            killer.aim(deaths)
            died = dies(doomed)
            killer.aim(None)
            assert half_deleted(database) == set()
            until_quiet(sweeper, clock)
            assert stored(database, job_id) == kept
            assert leftovers(database) == {VIDEOS: 0, MP3S: 0}
            if not died:
                break
            deaths += 1
            forget_all(database)
    assert 3 <= deaths < MOST_CHANGES, "a pass that deletes makes so many changes"


def dies(sweeper: Sweeper) -> bool:
    """Make a pass, and tell whether it died."""
    try:
        swept(sweeper)
    except Death:
        return True
    return False


def until_quiet(sweeper: Sweeper, clock: Clock) -> None:
    """Sweep, and let time pass, until there is nothing more to do."""
    for _ in range(3):
        swept(sweeper)
        clock.passes(seconds=PERIODS.longest_step)
    assert swept(sweeper) == {}


def half_deleted(database: Database[dict[str, Any]]) -> set[str]:
    """Return the files that a reader would find, but not whole."""
    return {
        str(entry["_id"])
        for bucket in (VIDEOS, MP3S)
        for entry in database[f"{bucket}.files"].find()
        if not database[f"{bucket}.chunks"].count_documents({"files_id": entry["_id"]})
    }


def stored(database: Database[dict[str, Any]], job_id: str) -> set[str]:
    """Return which whole files of a job are stored under the names that it gives them."""
    job = database["jobs"].find_one({"_id": job_id}) or {}
    names = {"video": (VIDEOS, job_id), "mp3": (MP3S, job.get("mp3", {}).get("file_id"))}
    return {what for what, (bucket, name) in names.items() if database[f"{bucket}.files"].find_one({"_id": name})}


def leftovers(database: Database[dict[str, Any]]) -> dict[str, int]:
    """Count the chunks and entries that nobody names."""
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
    """Empty the database for the next death."""
    for name in ("jobs", *(f"{bucket}.{part}" for bucket in (VIDEOS, MP3S) for part in ("files", "chunks"))):
        database[name].delete_many({})

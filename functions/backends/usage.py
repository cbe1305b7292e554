"""What each user uses of the quotas: one document per user, counted up at once and counted anew from the jobs.

    usage: {_id: user, revision, counted_at, day, open, bytes, jobs, seconds,
            pending{JOB{at, day, bytes}}, gone{jobs, seconds}}

`open` and `bytes` are of now, `jobs` and `seconds` of the `day`. `pending` has the places of running uploads, and of
jobs that are about to be converted again; `gone` has what deleted jobs used today. functions/README.md, Quotas, tells
the protocol.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from functions.backends import jobs as job_documents
from functions.backends import mongodb
from functions.backends.jobs import Jobs
from functions.common import crash, ids, quotas, transitions
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.quotas import COUNTS, Used
from functions.common.settings import Quotas
from functions.common.values import Document

_TRIES = 20  # each that fails means that another upload of the user went on
_PAUSE_SECONDS = 0.005
_FRESH_SECONDS = 1.0  # the jobs of a user who is refused are read once in this time at most
_RECOUNT_SECONDS = 86_400.0
_STEP_BYTES = 16 * 2**20  # of an upload whose length is not known
_OPEN = (transitions.RECEIVING, transitions.READY, transitions.CONVERTING)
_GONE = (transitions.ABORTED, transitions.DELETING)
_AGAIN = ":"  # in the name of a place: a job, the epoch that it leaves to be converted again, and what makes it unique


class Full(Exception):
    """A quota is used up: `over`; `every` has all that have a limit."""

    def __init__(self, over: Used, every: list[Used]) -> None:
        super().__init__(over.count.name)
        self.over = over
        self.every = every


class Usage:
    """The counts of all users."""

    def __init__(self, collection: Collection[Document], jobs: Jobs) -> None:
        self._collection = collection
        self._jobs = jobs

    def of(self, user: str, limits: Quotas) -> list[Used]:
        """Return each quota of a user, counted from the jobs at most a second ago."""
        return self._used(user, limits, self._count_once)

    def seen(self, user: str, limits: Quotas) -> list[Used]:
        """Return the same without storing what was counted, for those who may only read."""
        return self._used(user, limits, self._look_once)

    def reserve_again(self, user: str, job: Document, limits: Quotas) -> Place:
        """Count a job once more that its owner has converted again. Raises Full; nothing is counted then."""
        name = _AGAIN.join((job["_id"], str(job["epoch"]), ids.new()))
        return self.reserve(user, name, 0, limits)

    def reserve(self, user: str, job_id: str, size: int, limits: Quotas) -> Place:
        """Count a job that a user begins, with the bytes that it will have. Raises Full; nothing is counted then."""
        for attempt in range(_TRIES):
            now = self._jobs.after(0)
            today = quotas.day(now)
            entry = {"at": now, "day": today, "bytes": size}
            adds = {"open": 1, "jobs": 1, "bytes": size}
            wanted = adds | {"seconds": 1, "bytes": max(1, size)}
            query = {"_id": user, "day": today, **_room(wanted, limits)}
            with crash.around("usage.reserve"):
                if self._change(query, adds, {f"pending.{job_id}": entry}):
                    return Place(self, user, job_id, today, size, limits)
            self._make_room(user, wanted, limits, now)
            _pause(attempt)
        raise Failure(UNAVAILABLE)

    def grow(self, user: str, job_id: str, more: int, limits: Quotas) -> None:
        """Count more bytes for a running upload. Raises Full, or Failure(UNAVAILABLE) if its place is lost."""
        path = f"pending.{job_id}"
        for attempt in range(_TRIES):
            now = self._jobs.after(0)
            query = {"_id": user, path: {"$ne": None}, **_room({"bytes": more}, limits)}
            with crash.around("usage.grow"):
                if self._change(query, {"bytes": more, f"{path}.bytes": more}):
                    return
            found = self._find(user)
            if found is None or job_id not in found["pending"]:
                break
            self._make_room(user, {"bytes": more}, limits, now)
            _pause(attempt)
        raise Failure(UNAVAILABLE)

    def renew(self, user: str, job_id: str) -> None:
        """Keep the place of an upload that has no job yet. Raises Failure(UNAVAILABLE) if it is lost."""
        path = f"pending.{job_id}"
        if not self._change({"_id": user, path: {"$ne": None}}, {}, {f"{path}.at": self._jobs.after(0)}):
            raise Failure(UNAVAILABLE)

    def settle(self, user: str, job_id: str, correction: int) -> None:
        """End the place of an upload whose job has been stored; `correction` makes its bytes those of the video."""
        path = f"pending.{job_id}"
        with crash.around("usage.settle"):
            self._change({"_id": user, path: {"$ne": None}}, {"bytes": correction}, drops=path)

    def give_back(self, user: str, job_id: str, day: str, size: int) -> None:
        """Take back what was counted for an upload that has failed."""
        path = f"pending.{job_id}"
        here = {"_id": user, path: {"$ne": None}}
        with crash.around("usage.give_back"):
            # Yesterday's jobs are not counted any more.
            if not self._change(here | {"day": day}, {"open": -1, "bytes": -size, "jobs": -1}, drops=path):
                self._change(here, {"open": -1, "bytes": -size}, drops=path)

    def charge(self, job: Document, seconds: int, size: int = 0) -> None:
        """Count seconds of a conversion that has just ended, and the bytes of its MP3."""
        with crash.around("usage.charge"):
            here = {"_id": job["owner"]}
            if not self._change(here | {"day": quotas.day(job["claimed_at"])}, {"seconds": seconds, "bytes": size}):
                self._change(here, {"bytes": size})

    def remember(self, job: Document) -> None:
        """Keep what a job used today, now that its document has been deleted."""
        if job["state"] != transitions.DELETING:
            return
        with mongodb.translated_errors(), crash.around("usage.remember"):
            today = quotas.day(self._jobs.after(0))
            began, spent = _used_on(job, today)
            if began or spent:
                self._change({"_id": job["owner"], "day": today}, {"gone.jobs": began, "gone.seconds": spent})

    def due(self, limit: int) -> Iterator[str]:
        """Yield users who were not counted for a day, the longest first."""
        before = self._jobs.after(-_RECOUNT_SECONDS)
        with mongodb.translated_errors():
            query = {"counted_at": {"$lte": before}}
            found = self._collection.find(query, {"_id": 1, "counted_at": 1}).sort("counted_at", 1).limit(limit)
            yield from [each["_id"] for each in found]

    def count_due(self, user: str) -> None:
        """Count a user's jobs again, and delete the counts of one who has nothing."""
        counts = self.count_again(user)
        if counts and not counts["pending"] and not any(counts[count.field] for count in COUNTS):
            with mongodb.translated_errors(), crash.around("usage.forget"):
                self._collection.delete_one({"_id": user, "revision": counts["revision"]})

    def prepare(self) -> None:
        """Create the index for `due`, if it does not exist."""
        with mongodb.translated_errors():
            self._collection.create_index([("counted_at", 1)])

    def count_again(self, user: str) -> Document | None:
        """Count a user's jobs and return the new counts; None if these kept changing meanwhile."""
        return self._repeated(user, self._count_once)

    def _used(self, user: str, limits: Quotas, count: Callable[[str], Document | None]) -> list[Used]:
        now = self._jobs.after(0)
        found = self._find(user)
        if found is None or _is_stale(found, now):
            found = self._repeated(user, count) or self._find(user)
        if found is None:
            raise Failure(UNAVAILABLE)
        return quotas.used(found, limits, now)

    def _repeated(self, user: str, count: Callable[[str], Document | None]) -> Document | None:
        for attempt in range(_TRIES):
            if (counts := count(user)) is not None:
                return counts
            _pause(attempt)
        return None

    def _look_once(self, user: str) -> Document | None:
        """Count a user's jobs and return the counts; None if they changed meanwhile."""
        before = self._find(user)
        counts = self._counted(user, before or {})
        after = self._find(user)
        return counts if (after and after["revision"]) == (before and before["revision"]) else None

    def _count_once(self, user: str) -> Document | None:
        before = self._find(user)
        # The document is read before the jobs: what changes after that changes the revision.
        after = self._counted(user, before or {})
        with mongodb.translated_errors(), crash.around("usage.count_again"):
            if before is not None:
                query = {"_id": user, "revision": before["revision"]}
                return self._collection.find_one_and_update(
                    query, {"$set": after}, return_document=ReturnDocument.AFTER
                )
            try:
                self._collection.insert_one({"_id": user} | after)
            except DuplicateKeyError:
                return None
            return {"_id": user} | after

    def _counted(self, user: str, before: Document) -> Document:
        now = self._jobs.after(0)
        today = quotas.day(now)
        same_day = before.get("day") == today
        gone = before["gone"] if same_day else {"jobs": 0, "seconds": 0}
        pending: Document = dict(before.get("pending", {}))
        total = {"open": 0, "bytes": 0, **gone}
        kept = {}
        epochs: dict[str, int] = {}
        for job in self._jobs.counted(user):
            epochs[job["_id"]] = job["epoch"]
            place = pending.pop(job["_id"], None)
            if place and job["state"] == transitions.RECEIVING:
                kept[job["_id"]] = place
            began, spent = _used_on(job, today)
            total["open"] += job["state"] in _OPEN
            total["bytes"] += place["bytes"] if job["_id"] in kept else _kept_bytes(job, now)
            total["jobs"] += began
            total["seconds"] += spent
        # An upload that has its place and not yet its job: after a lease's time, it has died there.
        alive = now - timedelta(seconds=self._jobs.periods.upload_lease)
        for name, place in pending.items():
            job_id, *epoch = name.split(_AGAIN)[:2]
            # A job that has left that epoch is counted itself.
            if place["at"] > alive and not (epoch and [str(epochs.get(job_id))] != epoch):
                kept[name] = place
                total["open"] += 1
                total["bytes"] += place["bytes"]
                total["jobs"] += place["day"] == today
        return total | {
            "revision": before.get("revision", 0) + 1,
            "counted_at": now,
            "day": today,
            "pending": kept,
            "gone": gone,
        }

    def _make_room(self, user: str, wanted: dict[str, int], limits: Quotas, now: datetime) -> None:
        """Count again if that may help. Raises Full."""
        found = self._find(user)
        if found is None or found["day"] != quotas.day(now):
            self._count_once(user)
            return
        over = self._over(found, wanted, limits, now)
        if over and not _is_stale(found, now):
            raise Full(over, quotas.used(found, limits, now))
        if over:
            self._count_once(user)

    def _over(self, found: Document, wanted: dict[str, int], limits: Quotas, now: datetime) -> Used | None:
        return next(
            (each for each in quotas.used(found, limits, now) if each.left < wanted.get(each.count.field, 0)), None
        )

    def _find(self, user: str) -> Document | None:
        with mongodb.translated_errors():
            return self._collection.find_one({"_id": user})

    def _change(self, query: Document, adds: dict[str, int], sets: Document | None = None, drops: str = "") -> bool:
        update: Document = {"$inc": {"revision": 1} | adds}
        update |= {"$set": sets} if sets else {}
        update |= {"$unset": {drops: ""}} if drops else {}
        with mongodb.translated_errors():
            return self._collection.find_one_and_update(query, update, return_document=ReturnDocument.AFTER) is not None


class Place:
    """The place of one upload in its user's quotas."""

    def __init__(self, usage: Usage, user: str, job_id: str, day: str, size: int, limits: Quotas) -> None:
        self._usage = usage
        self._user = user
        self._job_id = job_id
        self._day = day
        self._size = size
        self._limits = limits

    def cover(self, length: int) -> None:
        """Count the bytes that have arrived. Raises Full."""
        missing = length - self._size
        if missing <= 0:
            return
        try:
            self._grow(max(missing, _STEP_BYTES))
        except Full:
            if missing >= _STEP_BYTES:
                raise
            self._grow(missing)

    def renew(self) -> None:
        """Keep the place while no job has been stored. Raises Failure(UNAVAILABLE) if it is lost."""
        self._usage.renew(self._user, self._job_id)

    def settle(self, size: int) -> None:
        """Count exactly the video's bytes, now that its job has been stored."""
        self._usage.settle(self._user, self._job_id, size - self._size)

    def give_back(self) -> None:
        """Count nothing, now that it is certain that no job has been stored."""
        self._usage.give_back(self._user, self._job_id, self._day, self._size)

    def _grow(self, more: int) -> None:
        self._usage.grow(self._user, self._job_id, more, self._limits)
        self._size += more


def _pause(attempt: int) -> None:
    """Let the other uploads of the user go on."""
    time.sleep(random.uniform(0, _PAUSE_SECONDS) * attempt)  # noqa: S311 - it need not be unpredictable


def _room(wanted: dict[str, int], limits: Quotas) -> Document:
    """Return the condition that as much as wanted is left of every quota."""
    return {
        count.field: {"$lte": limit - wanted[count.field]}
        for count in COUNTS
        if count.field in wanted and (limit := quotas.limit_of(count, limits))
    }


def _kept_bytes(job: Document, now: datetime) -> int:
    """Return the bytes of a job's files that have not expired."""
    if job["state"] in _GONE:
        return 0
    mp3, former = job.get("mp3", {}), job.get("former")
    video = 0 if job.get("video_expired_at") else job.get("size", 0)
    earlier = former["length"] if former and former["until"] > now else 0
    return int(video + earlier + (0 if mp3.get("expired_at") else mp3.get("length", 0)))


def _used_on(job: Document, day: str) -> tuple[int, int]:
    """Return how often a job began on this day, and the seconds of its conversions.

    A conversion counts for the day on which it began.
    """
    retries = job.get("retries") or {"day": None, "jobs": 0, "spent": 0}
    began = int(job["state"] != transitions.ABORTED and quotas.day(job["created_at"]) == day)
    claimed = job.get("claimed_at")
    spent = job.get("spent", 0) - retries["spent"] if claimed and quotas.day(claimed) == day else 0
    return began + (retries["jobs"] if retries["day"] == day else 0), spent


def _is_stale(found: Document, now: datetime) -> bool:
    return bool(found["day"] != quotas.day(now) or now - found["counted_at"] > timedelta(seconds=_FRESH_SECONDS))


@cache
def connect() -> Usage:
    """Return the usage of the database in the settings."""
    return Usage(mongodb.connect()["usage"], job_documents.connect())

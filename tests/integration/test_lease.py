"""The lease on a real database: what a heartbeat writes into the job, and when it stops the work."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from pymongo.database import Database

from functions.backends.jobs import Jobs
from functions.common import ids
from functions.common.config import load
from functions.common.settings import Periods
from functions.common.transitions import ACCEPT, CLAIM, DELETE, EXPIRE, Transition
from functions.common.values import Document
from functions.convert.lease import Lease, Lost, Stopped
from tests.clients.waiting import until

# A lease is renewed three times in its duration, but at most once per second.
BRIEF, MIDDLING, LONG = (load(Periods, {}).replace(convert_lease=length) for length in (0.03, 0.9, 60.0))


class CountingJobs(Jobs):
    """Jobs that count their changes."""

    changes = 0

    def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
        self.changes += 1
        return super().apply(row, job_id, **given)


class ClaimedJob:
    """A claimed job and its lease."""

    def __init__(self, database: Database[Document], periods: Periods) -> None:
        self.jobs = CountingJobs(database["jobs"], lambda: datetime.now(UTC), periods)
        self.id = ids.new()
        self.stopping = Event()
        self.jobs.receive(self.id, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
        assert self.jobs.apply(ACCEPT, self.id, epoch=0, size=1, sha256="x", options={})
        self.lease = Lease(self.claim(0, "first"), self.jobs, self.stopping)

    def claim(self, epoch: int, holder: str) -> Document:
        claimed = self.jobs.apply(CLAIM, self.id, epoch=epoch, holder=holder)
        assert claimed is not None
        return claimed

    @property
    def job(self) -> Document:
        found = self.jobs.find(self.id)
        assert found is not None
        return found

    def renew(self, progress: float) -> int:
        """Send heartbeats until the lease is renewed; return the job's progress then."""
        before = self.job["lease"]["until"]

        def renewed() -> bool:
            self.lease.beat(progress)
            return bool(self.job["lease"]["until"] > before)

        until(renewed, "the lease to be renewed")
        return int(self.job["progress"])


def test_progress_is_never_lowered(database: Database[Document]) -> None:
    """A heartbeat without progress renews the lease and keeps the progress."""
    claimed_job = ClaimedJob(database, BRIEF)
    shown = [claimed_job.renew(progress) for progress in (0.0, 40.9, 0.0, 12.0, 40.0, 70.0, 0.0, 1000.0, 0.0)]
    assert shown == [0, 40, 40, 40, 40, 70, 70, 99, 99]


def test_progress_between_two_renewals_is_written_by_the_next(database: Database[Document]) -> None:
    """Even if the next heartbeat has no progress."""
    claimed_job = ClaimedJob(database, LONG)
    claimed_job.lease.beat(10.0)
    assert claimed_job.job["progress"] == 10  # the first is written at once
    claimed_job.lease.beat(80.0)
    assert claimed_job.renew(0.0) == 80


def test_heartbeats_may_be_frequent(database: Database[Document]) -> None:
    claimed_job = ClaimedJob(database, MIDDLING)
    before, start = claimed_job.jobs.changes, time.monotonic()
    while claimed_job.jobs.changes < before + 3:
        assert time.monotonic() < start + 30
        claimed_job.lease.beat()
    assert time.monotonic() - start > 2 * MIDDLING.convert_lease / 3


def test_a_lease_held_by_another_is_lost(database: Database[Document]) -> None:
    claimed_job = ClaimedJob(database, BRIEF)
    until(lambda: claimed_job.jobs.apply(EXPIRE, claimed_job.id, epoch=1), "the lease to expire")
    claimed_job.claim(2, "second")
    after = claimed_job.job
    with pytest.raises(Lost):
        claimed_job.lease.beat(50.0)
    assert claimed_job.job == after


def test_a_deleted_job_is_lost(database: Database[Document]) -> None:
    claimed_job = ClaimedJob(database, BRIEF)
    assert claimed_job.jobs.apply(DELETE, claimed_job.id, epoch=1)
    with pytest.raises(Lost):
        until(lambda: claimed_job.lease.beat(), "the loss to be noticed")


def test_stopping_does_not_change_the_lease(database: Database[Document]) -> None:
    claimed_job = ClaimedJob(database, BRIEF)
    before = claimed_job.job
    claimed_job.lease.check()
    claimed_job.stopping.set()
    for sign in (claimed_job.lease.check, claimed_job.lease.beat):
        with pytest.raises(Stopped):
            sign()
    assert claimed_job.job == before

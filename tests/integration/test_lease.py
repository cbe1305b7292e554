"""The lease on a real database: what a sign of work writes into the job, and when it stops the work."""

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

# A lease is renewed three times in its length, and once a second at most.
BRIEF, MIDDLING, LONG = (load(Periods, {}).replace(convert_lease=length) for length in (0.03, 0.9, 60.0))


class Counted(Jobs):
    """Jobs that know how often they were changed."""

    changes = 0

    def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
        self.changes += 1
        return super().apply(row, job_id, **given)


class Held:
    """A job that was claimed, under its lease."""

    def __init__(self, database: Database[Document], periods: Periods) -> None:
        self.jobs = Counted(database["jobs"], lambda: datetime.now(UTC), periods)
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
        """Give signs of work until the lease lasts longer; return the progress that is shown then."""
        before = self.job["lease"]["until"]

        def renewed() -> bool:
            self.lease.beat(progress)
            return bool(self.job["lease"]["until"] > before)

        until(renewed, "the lease to be renewed")
        return int(self.job["progress"])


def test_progress_is_never_lowered(database: Database[Document]) -> None:
    """A sign of work that knows of no progress renews the lease, and shows what was reached."""
    held = Held(database, BRIEF)
    shown = [held.renew(progress) for progress in (0.0, 40.9, 0.0, 12.0, 40.0, 70.0, 0.0, 1000.0, 0.0)]
    assert shown == [0, 40, 40, 40, 40, 70, 70, 99, 99]


def test_progress_between_two_renewals_is_shown_by_the_next(database: Database[Document]) -> None:
    """Also where the next sign of work knows of none."""
    held = Held(database, LONG)
    held.lease.beat(10.0)
    assert held.job["progress"] == 10  # the first is shown at once
    held.lease.beat(80.0)
    assert held.renew(0.0) == 80


def test_signs_of_work_may_come_as_often_as_they_like(database: Database[Document]) -> None:
    held = Held(database, MIDDLING)
    before, start = held.jobs.changes, time.monotonic()
    while held.jobs.changes < before + 3:
        assert time.monotonic() < start + 30
        held.lease.beat()
    assert time.monotonic() - start > 2 * MIDDLING.convert_lease / 3


def test_a_lease_that_somebody_else_has_is_lost(database: Database[Document]) -> None:
    held = Held(database, BRIEF)
    until(lambda: held.jobs.apply(EXPIRE, held.id, epoch=1), "the lease to be over")
    held.claim(2, "second")
    after = held.job
    with pytest.raises(Lost):
        held.lease.beat(50.0)
    assert held.job == after


def test_a_deleted_job_is_lost(database: Database[Document]) -> None:
    held = Held(database, BRIEF)
    assert held.jobs.apply(DELETE, held.id, epoch=1)
    with pytest.raises(Lost):
        until(lambda: held.lease.beat(), "the loss to be seen")


def test_told_to_stop_it_leaves_the_lease_as_it_is(database: Database[Document]) -> None:
    held = Held(database, BRIEF)
    before = held.job
    held.lease.check()
    held.stopping.set()
    for sign in (held.lease.check, held.lease.beat):
        with pytest.raises(Stopped):
            sign()
    assert held.job == before

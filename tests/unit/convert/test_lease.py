"""The lease: renewed by heartbeats, a few times in its duration, and never past the conversion's time limit."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from functions.backends.jobs import Jobs
from functions.common.config import load
from functions.common.settings import Periods
from functions.common.transitions import ACCEPT, CLAIM, DELETE, EXPIRE
from functions.common.values import Document
from functions.convert import lease as leases
from functions.convert.lease import Lease, Lost, Stopped
from tests.exploration.memory import MemoryCollection

JOB = "00000000-0000-4000-8000-000000000000"
START = datetime(2026, 1, 1, tzinfo=UTC)
PERIODS = load(Periods, {}).replace(convert_lease=60.0, convert_timeout=600.0)


class ClaimedJob:
    """A claimed job, and a clock set by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, periods: Periods = PERIODS) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(leases, "time", self)
        self.collection = MemoryCollection()
        collection: Any = self.collection
        self.jobs = Jobs(collection, lambda: START + timedelta(seconds=self.seconds), periods)
        self.stopping = Event()
        self.jobs.receive(JOB, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
        assert self.jobs.apply(ACCEPT, JOB, epoch=0, size=1, sha256="x", options={})
        claimed = self.jobs.apply(CLAIM, JOB, epoch=0, holder="first")
        assert claimed
        self.lease = Lease(claimed, self.jobs, self.stopping)

    def monotonic(self) -> float:
        """Return the clock's seconds, like `time`."""
        return self.seconds

    @property
    def job(self) -> Document:
        """The job as it is now."""
        return self.collection.documents[JOB]

    @property
    def until(self) -> float:
        """The end of the lease in seconds since the start."""
        return float((self.job["lease"]["until"] - START).total_seconds())


def test_heartbeats_renew_it_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed_job = ClaimedJob(monkeypatch)
    ends = []
    for tenths in range(40):
        claimed_job.seconds = tenths / 10
        claimed_job.lease.beat()
        ends.append(claimed_job.until)
    assert sorted(set(ends)) == pytest.approx([60.0, 61.1, 62.2, 63.3])


def test_a_short_lease_is_renewed_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed_job = ClaimedJob(monkeypatch, PERIODS.replace(convert_lease=0.3))
    claimed_job.seconds = 0.09
    claimed_job.lease.beat()
    assert claimed_job.until == pytest.approx(0.3)
    claimed_job.seconds = 0.11
    claimed_job.lease.beat()
    assert claimed_job.until == pytest.approx(0.41)


def test_it_is_not_renewed_past_the_conversions_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed_job = ClaimedJob(monkeypatch, PERIODS.replace(convert_timeout=90.0))
    assert claimed_job.lease.deadline == 90.0
    ends = []
    for claimed_job.seconds in (20.0, 40.0, 80.0):
        claimed_job.lease.beat()
        ends.append(claimed_job.until)
    assert ends == [80.0, 90.0, 90.0]


def test_the_first_progress_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed_job = ClaimedJob(monkeypatch)
    shown = []
    for claimed_job.seconds, percent in ((0.1, 0.0), (0.2, 7.9), (0.3, 30.0), (1.5, 0.0), (3.0, 20.0), (5.0, 100.0)):
        claimed_job.lease.beat(percent)
        shown.append(claimed_job.job["progress"])
    assert shown == [0, 7, 7, 30, 30, 99]


@pytest.mark.parametrize("row", [EXPIRE, DELETE], ids=lambda row: str(row.name))
def test_an_expired_or_deleted_job_is_lost(row: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed_job = ClaimedJob(monkeypatch)
    claimed_job.seconds = 61.0
    assert claimed_job.jobs.apply(row, JOB, epoch=1)
    before = copy.deepcopy(claimed_job.job)
    with pytest.raises(Lost):
        claimed_job.lease.beat(50.0)
    assert claimed_job.job == before


def test_stopping_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed_job = ClaimedJob(monkeypatch)
    claimed_job.lease.check()
    before = copy.deepcopy(claimed_job.job)
    claimed_job.seconds = 30.0
    claimed_job.stopping.set()
    for sign in (claimed_job.lease.check, claimed_job.lease.beat):
        with pytest.raises(Stopped):
            sign()
    assert claimed_job.job == before

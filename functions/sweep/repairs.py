"""The repairs: which jobs are due for each, and what it does (functions/README.md, The steps)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from functions.backends.jobs import Jobs
from functions.common import transitions
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.transitions import (
    ABANDON,
    ANNOUNCE_END,
    ANNOUNCE_READY,
    DELETE,
    EXPIRE,
    EXPIRE_MAIL,
    EXPIRE_MP3,
    EXPIRE_VIDEO,
    GIVE_UP,
    GIVE_UP_MAIL,
    LOSE_MAIL,
    Transition,
)
from functions.common.values import Document
from functions.sweep.cleaning import clean
from functions.sweep.sweeper import Sweeper

Action = Callable[[Sweeper, Iterator[Document]], None]


@dataclass(frozen=True)
class Repair:
    """One kind of repair: `due` returns up to a number of jobs that need it, oldest first; `run` repairs them."""

    name: str
    due: Callable[[Jobs, int], Iterator[Document]]
    run: Action


def applying(row: Transition) -> Action:
    """Return an action that applies one transition to each job."""

    def run(sweeper: Sweeper, jobs: Iterator[Document]) -> None:
        for job in jobs:
            with sweeper.isolate(job):
                sweeper.apply(row, job)

    return run


def end_conversions(sweeper: Sweeper, jobs: Iterator[Document]) -> None:
    """Return jobs whose converter no longer renews its lease to the queue, or give them up."""
    released: list[Document] = []
    for job in jobs:
        with sweeper.isolate(job):
            exhausted = job["attempts"] >= sweeper.jobs.periods.max_attempts
            seconds = _seconds_until_last_renewal(job, sweeper.jobs)
            changed = sweeper.apply(GIVE_UP if exhausted else EXPIRE, job, seconds=seconds)
            released += changed
            if changed and seconds:
                sweeper.usage.charge(job, seconds)
    sweeper.queue.announce(released)


def _seconds_until_last_renewal(job: Document, jobs: Jobs) -> int:
    """Return how long the conversion is known to have run."""
    ran: timedelta = job["lease"]["until"] - job["claimed_at"] - timedelta(seconds=jobs.periods.convert_lease)
    return max(0, math.ceil(ran.total_seconds()))


def end_mails(sweeper: Sweeper, jobs: Iterator[Document]) -> None:
    """Release mails whose notifier has stopped before it handed them over, or give them up."""
    released: list[Document] = []
    for job in jobs:
        with sweeper.isolate(job):
            exhausted = job["mail"]["attempts"] >= sweeper.jobs.periods.mail_attempts
            changed = sweeper.apply(GIVE_UP_MAIL if exhausted else EXPIRE_MAIL, job)
            released += [] if exhausted else changed
    sweeper.queue.announce(released)


def announce_again(sweeper: Sweeper, jobs: Iterator[Document]) -> None:
    """Send the events of jobs that still wait.

    The next announcement is stored first: a crash in between delays a job by one gap. Raises Failure(UNAVAILABLE) if
    the broker is unavailable.
    """
    # The first job goes alone: if the broker is unavailable, only that job's gap grows.
    for some in (islice(jobs, 1), jobs):
        waiting: list[Document] = []
        for job in some:
            with sweeper.isolate(job):
                row = ANNOUNCE_READY if job["state"] == transitions.READY else ANNOUNCE_END
                gap = min(job["announce_gap"] * 2, sweeper.jobs.periods.announce_gap_max)
                waiting += sweeper.apply(row, job, announced_at=job["announced_at"], gap=gap)
        if not sweeper.queue.announce(waiting):
            raise Failure(UNAVAILABLE)


REPAIRS = (
    # "clean" deletes their files, as for every ended job.
    Repair("end_uploads", lambda jobs, limit: jobs.lease_expired(transitions.RECEIVING, limit), applying(ABANDON)),
    Repair("end_conversions", lambda jobs, limit: jobs.lease_expired(transitions.CONVERTING, limit), end_conversions),
    Repair("end_mails", lambda jobs, limit: jobs.mail_expired(transitions.CLAIMED, limit), end_mails),
    Repair(
        "end_handed_over", lambda jobs, limit: jobs.mail_expired(transitions.HANDING_OVER, limit), applying(LOSE_MAIL)
    ),
    # These only mark what has expired; "clean" deletes the files once no download of them can be running.
    Repair("expire_videos", lambda jobs, limit: jobs.expired("video", limit), applying(EXPIRE_VIDEO)),
    Repair("expire_mp3s", lambda jobs, limit: jobs.expired("mp3", limit), applying(EXPIRE_MP3)),
    Repair("expire_jobs", lambda jobs, limit: jobs.expired("job", limit), applying(DELETE)),
    Repair("clean", lambda jobs, limit: jobs.uncleaned(limit), clean),
    Repair("announce_again", lambda jobs, limit: jobs.unannounced(limit), announce_again),
)

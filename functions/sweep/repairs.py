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
    ANNOUNCE_WEBHOOK,
    DELETE,
    EXPIRE,
    EXPIRE_MAIL,
    EXPIRE_MP3,
    EXPIRE_VIDEO,
    EXPIRE_WEBHOOK,
    GIVE_UP,
    GIVE_UP_MAIL,
    GIVE_UP_WEBHOOK,
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
            row = GIVE_UP if exhausted else EXPIRE
            changed = sweeper.apply(row, job, seconds=seconds, webhook=job.get("webhook"))
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


def end_webhooks(sweeper: Sweeper, jobs: Iterator[Document]) -> None:
    """Release webhooks whose notifier has stopped, or give them up; what was claimed may have been sent."""
    released: list[Document] = []
    for job in jobs:
        with sweeper.isolate(job):
            exhausted = job["webhook"]["attempts"] >= sweeper.jobs.periods.webhook_attempts
            row = GIVE_UP_WEBHOOK if exhausted else EXPIRE_WEBHOOK
            changed = sweeper.apply(row, job, token=job["webhook"]["token"])
            released += [] if exhausted else changed
    sweeper.queue.announce(released)


def announcing(postponed: Callable[[Sweeper, Document], list[Document]]) -> Action:
    """Return an action that sends the events of jobs that still wait.

    The next announcement is stored first: a crash in between delays a job by one gap. Raises Failure(UNAVAILABLE) if
    the broker is unavailable.
    """

    def run(sweeper: Sweeper, jobs: Iterator[Document]) -> None:
        # The first job goes alone: if the broker is unavailable, only that job's gap grows.
        for some in (islice(jobs, 1), jobs):
            waiting: list[Document] = []
            for job in some:
                with sweeper.isolate(job):
                    waiting += postponed(sweeper, job)
            if not sweeper.queue.announce(waiting):
                raise Failure(UNAVAILABLE)

    return run


def postpone(sweeper: Sweeper, job: Document) -> list[Document]:
    """Store when a job that waits for its conversion or mail is announced once more."""
    row = ANNOUNCE_READY if job["state"] == transitions.READY else ANNOUNCE_END
    return sweeper.apply(row, job, announced_at=job["announced_at"], gap=_longer(job["announce_gap"], sweeper))


def postpone_webhook(sweeper: Sweeper, job: Document) -> list[Document]:
    """Store when an ended job that waits for its webhook is announced once more."""
    webhook = job["webhook"]
    return sweeper.apply(ANNOUNCE_WEBHOOK, job, due=webhook["due"], gap=_longer(webhook["gap"], sweeper))


def _longer(gap: float, sweeper: Sweeper) -> float:
    return min(gap * 2, sweeper.jobs.periods.announce_gap_max)


announce_again = announcing(postpone)
announce_webhooks = announcing(postpone_webhook)

REPAIRS = (
    # "clean" deletes their files, as for every ended job.
    Repair("end_uploads", lambda jobs, limit: jobs.lease_expired(transitions.RECEIVING, limit), applying(ABANDON)),
    Repair("end_conversions", lambda jobs, limit: jobs.lease_expired(transitions.CONVERTING, limit), end_conversions),
    Repair("end_mails", lambda jobs, limit: jobs.mail_expired(transitions.CLAIMED, limit), end_mails),
    Repair(
        "end_handed_over", lambda jobs, limit: jobs.mail_expired(transitions.HANDING_OVER, limit), applying(LOSE_MAIL)
    ),
    Repair("end_webhooks", lambda jobs, limit: jobs.webhook_expired(limit), end_webhooks),
    # These only mark what has expired; "clean" deletes the files once no download of them can be running.
    Repair("expire_videos", lambda jobs, limit: jobs.expired("video", limit), applying(EXPIRE_VIDEO)),
    Repair("expire_mp3s", lambda jobs, limit: jobs.expired("mp3", limit), applying(EXPIRE_MP3)),
    Repair("expire_jobs", lambda jobs, limit: jobs.expired("job", limit), applying(DELETE)),
    Repair("clean", lambda jobs, limit: jobs.uncleaned(limit), clean),
    Repair("announce_again", lambda jobs, limit: jobs.unannounced(limit), announce_again),
    Repair("announce_webhooks", lambda jobs, limit: jobs.webhook_unannounced(limit), announce_webhooks),
)

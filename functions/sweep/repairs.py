"""The repairs: what is due, and what is done about it (functions/README.md, The steps)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from functions.sweep.broom import Broom
from functions.sweep.cleaning import clean

Mend = Callable[[Broom, Iterator[Document]], None]


@dataclass(frozen=True)
class Repair:
    """One kind of repair: which jobs are due for it, the longest first, and what mends them."""

    name: str
    due: Callable[[Jobs, int], Iterator[Document]]
    mend: Mend


def taking(row: Transition) -> Mend:
    """Return what takes each job through one row."""

    def mend(broom: Broom, jobs: Iterator[Document]) -> None:
        for job in jobs:
            with broom.care(job):
                broom.take(row, job)

    return mend


def end_conversions(broom: Broom, jobs: Iterator[Document]) -> None:
    """Give jobs whose converter is silent to another one, or up."""
    freed: list[Document] = []
    for job in jobs:
        with broom.care(job):
            tried = job["attempts"] >= broom.jobs.periods.max_attempts
            freed += broom.take(GIVE_UP if tried else EXPIRE, job)
    broom.queue.announce(freed)


def end_mails(broom: Broom, jobs: Iterator[Document]) -> None:
    """Free mails whose notifier is silent for another one, or give them up; nothing was handed over yet."""
    freed: list[Document] = []
    for job in jobs:
        with broom.care(job):
            tried = job["mail"]["attempts"] >= broom.jobs.periods.max_attempts
            taken = broom.take(GIVE_UP_MAIL if tried else EXPIRE_MAIL, job)
            freed += [] if tried else taken
    broom.queue.announce(freed)


def announce_again(broom: Broom, jobs: Iterator[Document]) -> None:
    """Send the events of jobs that still wait; written down first: a crash in between costs one gap, no job.

    Raises Failure(UNAVAILABLE) when the broker is away.
    """
    # One goes alone: while the broker is away, one job's gap grows in vain, and not everybody's.
    for some in (islice(jobs, 1), jobs):
        waiting: list[Document] = []
        for job in some:
            with broom.care(job):
                row = ANNOUNCE_READY if job["state"] == transitions.READY else ANNOUNCE_END
                gap = min(job["announce_gap"] * 2, broom.jobs.periods.announce_gap_max)
                waiting += broom.take(row, job, announced_at=job["announced_at"], gap=gap)
        if not broom.queue.announce(waiting):
            raise Failure(UNAVAILABLE)


REPAIRS = (
    # Their files are removed like those of every ended job.
    Repair("end_uploads", lambda jobs, most: jobs.lease_over(transitions.RECEIVING, most), taking(ABANDON)),
    Repair("end_conversions", lambda jobs, most: jobs.lease_over(transitions.CONVERTING, most), end_conversions),
    Repair("end_mails", lambda jobs, most: jobs.mail_over(transitions.CLAIMED, most), end_mails),
    Repair("end_handed_over", lambda jobs, most: jobs.mail_over(transitions.HANDING_OVER, most), taking(LOSE_MAIL)),
    # What has been kept for its time is marked; the files go when no download of them can still be running.
    Repair("expire_videos", lambda jobs, most: jobs.expired("video", most), taking(EXPIRE_VIDEO)),
    Repair("expire_mp3s", lambda jobs, most: jobs.expired("mp3", most), taking(EXPIRE_MP3)),
    Repair("expire_jobs", lambda jobs, most: jobs.expired("job", most), taking(DELETE)),
    Repair("clean", lambda jobs, most: jobs.uncleaned(most), clean),
    Repair("announce_again", lambda jobs, most: jobs.unannounced(most), announce_again),
)

"""Sweeping: repair what a crash left, one bounded pass at a time, any number of sweepers at once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.common import ids, transitions
from functions.common.errors import Failure
from functions.common.transitions import (
    ABANDON,
    ANNOUNCE_END,
    ANNOUNCE_READY,
    CLEAN_AGAIN,
    CLEANED,
    DELETE,
    EXPIRE,
    EXPIRE_MAIL,
    EXPIRE_MP3,
    EXPIRE_VIDEO,
    GIVE_UP,
    GIVE_UP_MAIL,
    LOSE_MAIL,
    Document,
    Transition,
)

_log = logging.getLogger(__name__)

MOST = 500  # jobs that one repair takes in one pass; the next pass goes on


@dataclass(frozen=True)
class Broom:
    """What a pass sweeps with, and how much of each kind at the most."""

    jobs: Jobs
    files: Files
    queue: Queue
    most: int = MOST
    done: Counter[str] = field(default_factory=Counter)

    def take(self, row: Transition, job: Document, **given: Any) -> list[Document]:
        """Take a job through a row; return it in a list that is empty when somebody else was faster."""
        changed = self.jobs.apply(row, job["_id"], epoch=job["epoch"], **given)
        if changed is None:
            return []
        self.done[row.name] += 1
        _log.info("swept", extra={"job": job["_id"], "transition": row.name})
        return [changed]


def run(broom: Broom) -> dict[str, int]:
    """Make one pass; return how many jobs it took through which transition."""
    for repair in REPAIRS:
        repair(broom)
    return dict(broom.done)


def end_uploads(broom: Broom) -> None:
    """Abort uploads whose lease is over; their files are removed like those of every ended job."""
    for job in broom.jobs.lease_over(transitions.RECEIVING, broom.most):
        broom.take(ABANDON, job)


def end_conversions(broom: Broom) -> None:
    """Give jobs whose converter is silent to another one, or up."""
    freed: list[Document] = []
    for job in broom.jobs.lease_over(transitions.CONVERTING, broom.most):
        tried = job["attempts"] >= broom.jobs.periods.max_attempts
        freed += broom.take(GIVE_UP if tried else EXPIRE, job)
    broom.queue.announce(freed)


def end_mails(broom: Broom) -> None:
    """Free mails whose notifier is silent: for another one while nothing was handed over, else as unknown."""
    freed: list[Document] = []
    for job in broom.jobs.mail_over(transitions.CLAIMED, broom.most):
        tried = job["mail"]["attempts"] >= broom.jobs.periods.max_attempts
        taken = broom.take(GIVE_UP_MAIL if tried else EXPIRE_MAIL, job, token=job["mail"]["token"])
        freed += [] if tried else taken
    broom.queue.announce(freed)


def end_handed_over(broom: Broom) -> None:
    """Mark mails whose answer never came as unknown."""
    for job in broom.jobs.mail_over(transitions.HANDING_OVER, broom.most):
        broom.take(LOSE_MAIL, job, token=job["mail"]["token"])


def apply_retention(broom: Broom) -> None:
    """Mark what has been kept for its time; the files go later, when no download of them can still be running."""
    for what, row in (("video", EXPIRE_VIDEO), ("mp3", EXPIRE_MP3), ("job", DELETE)):
        for job in broom.jobs.expired(what, broom.most):
            broom.take(row, job)


def clean(broom: Broom) -> None:
    """Delete the files that ended jobs do not name."""
    for job in broom.jobs.uncleaned(broom.most):
        broom.done[_clean(job, broom.jobs, broom.files)] += 1


def announce_again(broom: Broom) -> None:
    """Send the events of jobs that still wait; written down first: a crash in between costs one gap, no job."""
    waiting: list[Document] = []
    for job in broom.jobs.unannounced(broom.most):
        row = ANNOUNCE_READY if job["state"] == transitions.READY else ANNOUNCE_END
        gap = min(job["announce_gap"] * 2, broom.jobs.periods.announce_gap_max)
        waiting += broom.take(row, job, announced_at=job["announced_at"], gap=gap)
    broom.queue.announce(waiting)


REPAIRS: tuple[Callable[[Broom], None], ...] = (
    end_uploads, end_conversions, end_mails, end_handed_over, apply_retention, clean, announce_again,
)  # fmt: skip


def _clean(job: Document, jobs: Jobs, files: Files) -> str:
    """Delete the files of an ended job that it does not name, and settle when to look again; return what was done."""
    try:
        for bucket, file_id in _unnamed(job, jobs):
            files.delete(bucket, file_id)
    except Failure as failure:
        _log.warning("not cleaned; tried again", extra={"job": job["_id"], "cause": repr(failure.__cause__)})
        return "clean_failed"
    cleanup = job["cleanup"]
    given = {"epoch": job["epoch"], "at": cleanup["at"], "until": cleanup["until"]}
    if cleanup["at"] < cleanup["until"]:
        jobs.apply(CLEAN_AGAIN, job["_id"], **given)
        return CLEAN_AGAIN.name
    if job["state"] in (transitions.DELETING, transitions.ABORTED):
        jobs.forget(job)
        return "forget"
    jobs.apply(CLEANED, job["_id"], **given)
    return CLEANED.name


def _unnamed(job: Document, jobs: Jobs) -> Iterator[tuple[str, str]]:
    """Yield every file that the job may have left behind (rule 4): found from the job, never by a scan."""
    gone = job["state"] in (transitions.DELETING, transitions.ABORTED)
    if gone or job.get("video_expired_at"):
        yield VIDEOS, job["_id"]
    kept = None if gone else _kept_mp3(job, jobs)
    # A converter that lost its claim may be writing still, under an epoch before this one.
    for epoch in range(1, job["epoch"] + 1):
        file_id = ids.mp3_file(job["_id"], epoch)
        if file_id != kept:
            yield MP3S, file_id


def _kept_mp3(job: Document, jobs: Jobs) -> str | None:
    mp3 = job.get("mp3")
    if mp3 is None:
        return None
    # A download that began before the file expired may finish.
    expired = mp3.get("expired_at")
    if expired and transitions.Moment(expired, jobs.periods).after(jobs.periods.download_timeout) <= jobs.after(0):
        return None
    return str(mp3["file_id"])

"""Cleaning: delete the files that an ended job does not name; it may be interrupted at any point."""

from __future__ import annotations

from collections.abc import Iterator

from functions.backends import mongodb
from functions.backends.files import MP3S, VIDEOS
from functions.backends.jobs import Jobs
from functions.common import ids, transitions
from functions.common.errors import Failure
from functions.common.transitions import CLEAN_AGAIN, CLEAN_LATER, CLEANED
from functions.common.values import Document, Moment
from functions.sweep.sweeper import Sweeper

_EPOCHS_AT_ONCE = 500
_GONE = (transitions.DELETING, transitions.ABORTED)


def clean(sweeper: Sweeper, jobs: Iterator[Document]) -> None:
    """Delete the files that these jobs do not name, and store when to clean again.

    That is stored after the last file is deleted: after a crash half-way, the job is cleaned from the start.
    """
    for job in jobs:
        with sweeper.isolate(job):
            _clean(sweeper, job)


def _clean(sweeper: Sweeper, job: Document) -> None:
    cleanup = {"at": job["cleanup"]["at"], "until": job["cleanup"]["until"]}
    try:
        with mongodb.within(sweeper.job_seconds):
            for bucket, file_ids in _unnamed(job, sweeper.jobs):
                sweeper.files.delete(bucket, *file_ids)
    except Failure:
        # Back to the end of the queue: a job whose files cannot be deleted must not block the others.
        sweeper.apply(CLEAN_LATER, job, **cleanup)
        raise
    if cleanup["at"] < cleanup["until"]:
        sweeper.apply(CLEAN_AGAIN, job, **cleanup)
    elif job["state"] not in _GONE:
        sweeper.apply(CLEANED, job, **cleanup)
    elif sweeper.jobs.forget(job):
        sweeper.counts["forget"] += 1
        sweeper.usage.remember(job)


def _unnamed(job: Document, jobs: Jobs) -> Iterator[tuple[str, list[str]]]:
    """Yield each bucket and the files to delete there, found by the job, not a scan (functions/README.md, rule 4)."""
    gone = job["state"] in _GONE
    if gone or job.get("video_expired_at"):
        yield VIDEOS, [job["_id"]]
    former = job.get("former")
    if not gone and former and former["until"] > jobs.after(0):  # a download of an earlier MP3 may finish
        return
    kept = None if gone else _kept_mp3(job, jobs)
    # A converter that lost its lease may still be writing under an earlier epoch.
    for first in range(1, job["epoch"] + 1, _EPOCHS_AT_ONCE):
        epochs = range(first, min(first + _EPOCHS_AT_ONCE, job["epoch"] + 1))
        file_ids = [file_id for epoch in epochs if (file_id := ids.mp3_file(job["_id"], epoch)) != kept]
        if file_ids:
            yield MP3S, file_ids


def _kept_mp3(job: Document, jobs: Jobs) -> str | None:
    mp3 = job.get("mp3")
    if mp3 is None:
        return None
    # A download that began before the file expired may finish.
    expired = mp3.get("expired_at")
    if expired and Moment(expired, jobs.periods).after(jobs.periods.download_timeout) <= jobs.after(0):
        return None
    return str(mp3["file_id"])

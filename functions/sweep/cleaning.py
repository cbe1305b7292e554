"""Cleaning: delete the files that an ended job does not name, however often that is interrupted."""

from __future__ import annotations

from collections.abc import Iterator

from functions.backends import mongodb
from functions.backends.files import MP3S, VIDEOS
from functions.backends.jobs import Jobs
from functions.common import ids, transitions
from functions.common.errors import Failure
from functions.common.transitions import CLEAN_AGAIN, CLEAN_LATER, CLEANED
from functions.common.values import Document, Moment
from functions.sweep.broom import Broom

_EPOCHS_AT_ONCE = 500
_GONE = (transitions.DELETING, transitions.ABORTED)


def clean(broom: Broom, jobs: Iterator[Document]) -> None:
    """Delete what these jobs do not name, and settle when to look again.

    That is written down after the last file is gone: a crash half-way leaves a job that is cleaned from the start.
    """
    for job in jobs:
        with broom.care(job):
            _clean(broom, job)


def _clean(broom: Broom, job: Document) -> None:
    cleanup = {"at": job["cleanup"]["at"], "until": job["cleanup"]["until"]}
    try:
        with mongodb.within(broom.patience):
            for bucket, file_ids in _unnamed(job, broom.jobs):
                broom.files.delete(bucket, *file_ids)
    except Failure:
        # Behind those that wait: one whose files cannot be deleted must not keep the others from their turn.
        broom.take(CLEAN_LATER, job, **cleanup)
        raise
    if cleanup["at"] < cleanup["until"]:
        broom.take(CLEAN_AGAIN, job, **cleanup)
    elif job["state"] not in _GONE:
        broom.take(CLEANED, job, **cleanup)
    elif broom.jobs.forget(job):
        broom.done["forget"] += 1


def _unnamed(job: Document, jobs: Jobs) -> Iterator[tuple[str, list[str]]]:
    """Yield every file the job may have left, found from the job, never by a scan (functions/README.md, rule 4)."""
    gone = job["state"] in _GONE
    if gone or job.get("video_expired_at"):
        yield VIDEOS, [job["_id"]]
    kept = None if gone else _kept_mp3(job, jobs)
    # A converter that lost its claim may be writing still, under an epoch before this one.
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

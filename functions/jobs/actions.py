"""Actions: what may be asked of a job at any moment of its life, by compare-and-set alone (functions/README.md).

`owner` is the user who asks, to whom somebody else's job is as good as none. Without one, it is an operator who asks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.common import errors, ids
from functions.common.errors import Failure
from functions.common.transitions import DELETE, DONE, FAILED, MAIL_AGAIN, MAIL_FAILED, READY, RETRY
from functions.common.values import Document

_log = logging.getLogger(__name__)

_TRIES = 10  # how often a job may change under an action before it is given up


@dataclass(frozen=True)
class Told:
    """A job that waits for the function that acts next, which was told so; if that failed, sweep tells it."""

    job: Document
    announced: bool


def retry(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue) -> Told:
    """Have a failed job converted again; announce once more one that waits for that already.

    Raises Failure: NOT_FOUND, NOT_FAILED with the job's `state`, VIDEO_EXPIRED or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        if job["state"] == READY:
            return _tell(job, queue)
        if job["state"] != FAILED:
            raise Failure(errors.NOT_FAILED, state=job["state"])
        if job.get("video_expired_at"):
            raise Failure(errors.VIDEO_EXPIRED)
        changed = jobs.apply(RETRY, job_id, epoch=job["epoch"])
        if changed is not None:
            _log.info("retried", extra={"job": job_id, "epoch": changed["epoch"]})
            return _tell(changed, queue)
    raise Failure(errors.UNAVAILABLE)


def mail_again(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue) -> Told | None:
    """Have a mail sent that was given up; return nothing where there is none."""
    job = _found(job_id, owner, jobs)
    if job["state"] not in (DONE, FAILED) or job["mail"]["state"] != MAIL_FAILED:
        return None
    changed = jobs.apply(MAIL_AGAIN, job_id, run=job["mail"]["run"])
    return _tell(changed, queue) if changed is not None else None


def delete(job_id: str, *, owner: str | None, jobs: Jobs, files: Files) -> None:
    """Delete a job and its files, whatever is being done with it.

    Raises Failure: NOT_FOUND or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        deleted = jobs.apply(DELETE, job_id, epoch=job["epoch"])
        if deleted is not None:
            _log.info("deleted", extra={"job": job_id, "state": job["state"], "epoch": deleted["epoch"]})
            _delete_files(deleted, files)
            return
    raise Failure(errors.UNAVAILABLE)


def _found(job_id: str, owner: str | None, jobs: Jobs) -> Document:
    job = jobs.find(job_id) if owner is None else jobs.find_owned(job_id, owner)
    if job is None:
        raise Failure(errors.NOT_FOUND)
    return job


def _tell(job: Document, queue: Queue) -> Told:
    return Told(job, queue.announce([job]))


def _delete_files(job: Document, files: Files) -> None:
    """Delete all files that the job may have, now that no transition can name one any more.

    An upload or a conversion that has not noticed yet may still write; sweep deletes once more when none can.
    """
    try:
        files.delete(VIDEOS, job["_id"])
        files.delete(MP3S, *(ids.mp3_file(job["_id"], epoch) for epoch in range(1, job["epoch"] + 1)))
    except Failure as failure:
        _log.warning("not cleaned; sweep will", extra={"job": job["_id"], "cause": repr(failure.__cause__)})

"""Actions: retry, mail again, revoke the links of or delete a job, by compare-and-set (functions/README.md).

`owner` is the user who asks; jobs of other users are not found. None is an operator, who may change every job.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.common import errors, ids, states
from functions.common.errors import Failure
from functions.common.transitions import (
    CLAIMED,
    DELETE,
    DONE,
    FAILED,
    HANDING_OVER,
    MAIL_AGAIN,
    MAIL_FAILED,
    NONE,
    READY,
    RETRY,
    REVOKE_LINKS,
)
from functions.common.values import Document

_log = logging.getLogger(__name__)

_TRIES = 10  # a job may change while an action reads and writes it


@dataclass(frozen=True)
class Queued:
    """A job that waits for its next step, and whether its event was published; otherwise sweep announces it."""

    job: Document
    announced: bool


def retry(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue) -> Queued:
    """Queue a failed job again; announce it again if it is queued already.

    Raises Failure: NOT_FOUND, NOT_FAILED with the job's `state`, VIDEO_EXPIRED or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        if job["state"] == READY:
            return _announce(job, queue)
        if job["state"] != FAILED:
            raise Failure(errors.NOT_FAILED, state=job["state"])
        if job.get("video_expired_at"):
            raise Failure(errors.VIDEO_EXPIRED)
        changed = jobs.apply(RETRY, job_id, epoch=job["epoch"])
        if changed is not None:
            _log.info("retried", extra={"job": job_id, "epoch": changed["epoch"]})
            return _announce(changed, queue)
    raise Failure(errors.UNAVAILABLE)


def mail_again(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue) -> Queued | None:
    """Queue a mail that was given up; return None if there is none."""
    job = _found(job_id, owner, jobs)
    if job["state"] not in (DONE, FAILED) or job["mail"]["state"] != MAIL_FAILED:
        return None
    changed = jobs.apply(MAIL_AGAIN, job_id, run=job["mail"]["run"])
    return _announce(changed, queue) if changed is not None else None


def send_mail(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue) -> Queued:
    """Queue the mail of an ended job, also if it was sent or may have been; announce it again if it waits already.

    Raises Failure: NOT_FOUND, NOT_READY if the job has not ended, MAIL_ON_ITS_WAY or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        if job["state"] not in (DONE, FAILED):
            raise Failure(errors.NOT_READY, state=states.public(job["state"]))
        if job["mail"]["state"] == NONE:
            return _announce(job, queue)
        if job["mail"]["state"] in (CLAIMED, HANDING_OVER):
            raise Failure(errors.MAIL_ON_ITS_WAY)
        changed = jobs.apply(MAIL_AGAIN, job_id, run=job["mail"]["run"])
        if changed is not None:
            _log.info("mail queued again", extra={"job": job_id, "run": changed["mail"]["run"]})
            return _announce(changed, queue)
    raise Failure(errors.UNAVAILABLE)


def revoke_links(job_id: str, *, owner: str | None, jobs: Jobs) -> None:
    """Let no link to the job's MP3 work any more that was made until now.

    Raises Failure: NOT_FOUND, NO_LINK if the job is not done, or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        if job["state"] != DONE:
            raise Failure(errors.NO_LINK)
        version = job.get("link_version")
        given = {"epoch": job["epoch"], "link_version": version, "next_link_version": (version or 0) + 1}
        changed = jobs.apply(REVOKE_LINKS, job_id, **given)
        if changed is not None:
            _log.info("links revoked", extra={"job": job_id, "link_version": given["next_link_version"]})
            return
    raise Failure(errors.UNAVAILABLE)


def delete(job_id: str, *, owner: str | None, jobs: Jobs, files: Files) -> None:
    """Delete a job and its files in any state.

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


def _announce(job: Document, queue: Queue) -> Queued:
    return Queued(job, queue.announce([job]))


def _delete_files(job: Document, files: Files) -> None:
    """Delete all files that the job may have; no transition can name a new one.

    An upload or conversion that has not noticed yet may still write, so sweep deletes again when none can be running.
    """
    try:
        files.delete(VIDEOS, job["_id"])
        files.delete(MP3S, *(ids.mp3_file(job["_id"], epoch) for epoch in range(1, job["epoch"] + 1)))
    except Failure as failure:
        _log.warning("not deleted; sweep will", extra={"job": job["_id"], "cause": repr(failure.__cause__)})

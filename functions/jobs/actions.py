"""Actions: retry, tell again, revoke the links of or delete a job, by compare-and-set (functions/README.md).

`owner` is the user who asks; jobs of other users are not found. None is an operator, who may change every job.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.backends.usage import Full, Place, Usage
from functions.common import errors, ids, quotas, states
from functions.common.errors import Failure
from functions.common.options import Options
from functions.common.settings import Quotas
from functions.common.transitions import (
    ABORTED,
    CLAIMED,
    DELETE,
    DONE,
    FAILED,
    HANDING_OVER,
    MAIL_AGAIN,
    MAIL_FAILED,
    NONE,
    READY,
    RECEIVING,
    RETRY,
    REVOKE_LINKS,
    WEBHOOK_AGAIN,
)
from functions.common.values import Document
from functions.common.webhooks import AddressOf

_log = logging.getLogger(__name__)

_TRIES = 10  # a job may change while an action reads and writes it
_MOST_MAILS = 20  # about a job, at its owner's request


@dataclass(frozen=True)
class Queued:
    """A job that waits for its next step, and whether its event was published; otherwise sweep announces it."""

    job: Document
    announced: bool


@dataclass(frozen=True)
class Again:
    """What owners may have that an operator's retry has not: a done job converted too, with these options if any.

    It takes a place in their quotas.
    """

    options: Options | None
    usage: Usage
    limits: Quotas


def retry(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue, again: Again | None = None) -> Queued:
    """Queue a failed job again; announce it again if it is queued already.

    Its MP3 ends with this, and its links lead to the next one. Raises Failure: NOT_FOUND, NOT_FAILED or NOT_ENDED with
    the job's `state`, VIDEO_EXPIRED, the quota that is used up, or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        former: Document = job.get("options") or {}
        options = again.options.to_document() if again and again.options else former
        if job["state"] == READY and options == former:
            return _announce(job, queue)
        if again and job["state"] not in (DONE, FAILED):
            raise Failure(errors.NOT_ENDED, state=states.public(job["state"]))
        if not again and job["state"] != FAILED:
            raise Failure(errors.NOT_FAILED, state=job["state"])
        if job.get("video_expired_at"):
            raise Failure(errors.VIDEO_EXPIRED)
        changed = _begin_again(job, options, jobs, again)
        if changed is not None:
            _log.info("retried", extra={"job": job_id, "epoch": changed["epoch"]})
            return _announce(changed, queue)
    raise Failure(errors.UNAVAILABLE)


def _begin_again(job: Document, options: Document, jobs: Jobs, again: Again | None) -> Document | None:
    """Apply the transition, in a place of the owner's quotas if they asked for it."""
    place = _place(job, again) if again else None
    given = {"options": options, "retries": _retries(job, jobs, again), "former": _former(job, jobs)}
    given |= {"webhook": job.get("webhook")}
    # If the outcome is unknown, the next count tells from the job's epoch what became of the place.
    changed = jobs.apply(RETRY, job["_id"], epoch=job["epoch"], **given)
    if place:
        _end(place, job, began=changed is not None)
    return changed


def _place(job: Document, again: Again) -> Place:
    try:
        return again.usage.reserve_again(job["owner"], job, again.limits)
    except Full as full:
        raise quotas.refusal(full.over, full.every) from None


def _end(place: Place, job: Document, *, began: bool) -> None:
    try:
        if began:
            place.settle(0)
        else:
            place.give_back()
    except Failure as failure:
        _log.warning("not settled; the next count does", extra={"job": job["_id"], "cause": repr(failure.__cause__)})


def _retries(job: Document, jobs: Jobs, again: Again | None) -> Document:
    """Return how often its owner had the job begin again today, and the seconds that count for earlier days."""
    today, claimed = quotas.day(jobs.after(0)), job.get("claimed_at")
    before = job.get("retries") or {"day": today, "jobs": 0, "spent": 0}
    spent = before["spent"] if claimed and quotas.day(claimed) == today else job.get("spent", 0)
    so_far = before["jobs"] if before["day"] == today else 0
    return {"day": today, "jobs": so_far + (again is not None), "spent": spent}


def _former(job: Document, jobs: Jobs) -> Document | None:
    """Return until when a download of an earlier MP3 may run, and the bytes of those; None if there was no MP3."""
    before, mp3 = job.get("former"), job.get("mp3")
    if mp3 is None:
        return before
    kept = before["length"] if before and before["until"] > jobs.after(0) else 0
    length = 0 if mp3.get("expired_at") else mp3["length"]
    return {"until": jobs.after(jobs.periods.download_timeout), "length": kept + length}


def mail_again(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue) -> Queued | None:
    """Queue a mail that was given up; return None if there is none."""
    job = _found(job_id, owner, jobs)
    if job["state"] not in (DONE, FAILED) or job["mail"]["state"] != MAIL_FAILED:
        return None
    changed = jobs.apply(MAIL_AGAIN, job_id, run=job["mail"]["run"])
    return _announce(changed, queue) if changed is not None else None


def send_mail(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue) -> Queued:
    """Queue the mail of an ended job, also if it was sent or may have been; announce it again if it waits already.

    Raises Failure: NOT_FOUND, NOT_ENDED, MAIL_ON_ITS_WAY, TOO_MANY_MAILS or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        if job["state"] not in (DONE, FAILED):
            raise Failure(errors.NOT_ENDED, state=states.public(job["state"]))
        if job["mail"]["state"] == NONE:
            return _announce(job, queue)
        if job["mail"]["state"] in (CLAIMED, HANDING_OVER):
            raise Failure(errors.MAIL_ON_ITS_WAY)
        if owner is not None and job["mail"]["run"] >= _MOST_MAILS:
            raise Failure(errors.TOO_MANY_MAILS)
        changed = jobs.apply(MAIL_AGAIN, job_id, run=job["mail"]["run"])
        if changed is not None:
            _log.info("mail queued again", extra={"job": job_id, "run": changed["mail"]["run"]})
            return _announce(changed, queue)
    raise Failure(errors.UNAVAILABLE)


def send_webhook(job_id: str, *, owner: str | None, jobs: Jobs, queue: Queue, address: AddressOf) -> Queued:
    """Queue the webhook of an ended job, also if it was sent; announce it again if it waits already.

    It has the same id as before. Raises Failure: NOT_FOUND, NOT_ENDED, NO_WEBHOOK, WEBHOOK_ON_ITS_WAY
    or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        if "webhook" not in job:
            raise Failure(errors.NO_WEBHOOK)
        if job["state"] not in (DONE, FAILED):
            raise Failure(errors.NOT_ENDED, state=states.public(job["state"]))
        if job["webhook"]["state"] == NONE:
            return _announce(job, queue)
        if job["webhook"]["state"] == CLAIMED:
            raise Failure(errors.WEBHOOK_ON_ITS_WAY)
        if address(job) is None:
            raise Failure(errors.NO_WEBHOOK)
        changed = jobs.apply(WEBHOOK_AGAIN, job_id, epoch=job["epoch"])
        if changed is not None:
            _log.info("webhook queued again", extra={"job": job_id, "epoch": changed["epoch"]})
            return _announce(changed, queue)
    raise Failure(errors.UNAVAILABLE)


def shareable(job_id: str, *, owner: str | None, jobs: Jobs) -> Document:
    """Return a job to whose MP3 a link may lead.

    Raises Failure: NOT_FOUND, NOT_ENDED, NO_LINK, EXPIRED or UNAVAILABLE.
    """
    job = _found(job_id, owner, jobs)
    if job["state"] == FAILED:
        raise Failure(errors.NO_LINK)
    if job["state"] != DONE:
        raise Failure(errors.NOT_ENDED, state=states.public(job["state"]))
    if job["mp3"].get("expired_at"):
        raise Failure(errors.EXPIRED)
    return job


def revoke_links(job_id: str, *, owner: str | None, jobs: Jobs) -> None:
    """Let no link to the job's MP3 work any more that was made until now.

    Raises Failure: NOT_FOUND, NO_LINK if its video has not arrived, or UNAVAILABLE.
    """
    for _ in range(_TRIES):
        job = _found(job_id, owner, jobs)
        if job["state"] in (RECEIVING, ABORTED):
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
    # For its owner, an upload that failed has left no job.
    if job is None or (owner is not None and job["state"] == ABORTED):
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

"""Intake: store a video completely, or leave nothing of it (functions/README.md, The steps)."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import replace
from itertools import chain

from functions.backends.files import VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.common import containers, transitions
from functions.common.bearer import Bearer
from functions.common.errors import EMPTY_FILE, KEY_REUSED, NOT_MEDIA, UNAVAILABLE, Failure
from functions.common.settings import RENEWALS_A_LEASE
from functions.common.transitions import ABORT, ACCEPT, RENEW_UPLOAD
from functions.common.values import Document, Moment
from functions.upload.admission import Admitted
from functions.upload.body import Video

_log = logging.getLogger(__name__)


def store(
    video: Video, admitted: Admitted, bearer: Bearer, traceparent: str | None, *, jobs: Jobs, files: Files
) -> Document:
    """Store a video and return its job, which is ready. If this raises, nothing of the video is kept.

    Raises Failure, or Full if the video is longer than what is left of its user's quota.
    """
    head, video = _peek(video)
    if containers.recognized(head) is None:
        raise Failure(NOT_MEDIA)
    admitted.keep()
    job = jobs.receive(
        admitted.job_id,
        owner=bearer.user,
        email=bearer.email,
        filename=video.filename,
        options={},
        traceparent=traceparent,
    )
    try:
        accepted = _receive(job, video, admitted, jobs, files)
    except BaseException:
        _abort(job, jobs, files)
        raise
    # The job is safe now, even if its event is lost.
    _log.info("received", extra={"job": accepted["_id"], "bytes": accepted["size"]})
    return accepted


def compare(video: Video, job: Document) -> None:
    """Read a video that came with the key of this job, and store nothing. Raises Failure(KEY_REUSED) if it differs."""
    length, digest = 0, hashlib.sha256()
    for block in video.blocks:
        length += len(block)
        digest.update(block)
    options, webhook = video.asked()
    # One that was converted again may have other options than it came with.
    expected = options if job.get("retries") else job["options"]
    sent = (length, digest.hexdigest(), options, webhook or None)
    if sent != (job["size"], job["sha256"], expected, job.get("webhook", {}).get("url")):
        raise Failure(KEY_REUSED)


def _peek(video: Video) -> tuple[bytes, Video]:
    head = b""
    for block in video.blocks:
        head += block
        if len(head) >= containers.HEAD_BYTES:
            break
    if not head:
        raise Failure(EMPTY_FILE)
    return head, replace(video, blocks=chain([head], video.blocks))


def _receive(job: Document, video: Video, admitted: Admitted, jobs: Jobs, files: Files) -> Document:
    deadline = Moment(job["created_at"], jobs.periods).after(jobs.periods.upload_timeout)
    pause = jobs.periods.upload_lease / RENEWALS_A_LEASE
    renewed = time.monotonic()
    with files.write(VIDEOS, job["_id"]) as writer:
        for block in video.blocks:
            admitted.place.cover(writer.length + len(block))
            writer.write(block)
            if time.monotonic() - renewed > pause:
                renewed = time.monotonic()
                if not jobs.apply(RENEW_UPLOAD, job["_id"], epoch=job["epoch"], deadline=deadline):
                    raise Failure(UNAVAILABLE)
        asked = video.asked()  # a form may have options after the file
        digest = writer.finish()
    stored = {"size": writer.length, "sha256": digest}
    accepted = jobs.apply(ACCEPT, job["_id"], epoch=job["epoch"], **stored, **asked.to_document())
    if accepted is None:
        # Only this upload can accept the job: it did, and the answer was lost, unless the job was aborted or deleted.
        accepted = jobs.find(job["_id"])
        if accepted is None or accepted["state"] in (transitions.RECEIVING, transitions.ABORTED):
            raise Failure(UNAVAILABLE)
    return accepted


def _abort(job: Document, jobs: Jobs, files: Files) -> None:
    """Delete what a failed upload stored; sweep deletes it if this fails."""
    try:
        aborted = jobs.apply(ABORT, job["_id"], epoch=job["epoch"]) or jobs.find(job["_id"])
        if aborted is None or aborted["state"] == transitions.ABORTED:
            files.delete(VIDEOS, job["_id"])
    except Failure as failure:
        _log.warning("not deleted; sweep will", extra={"job": job["_id"], "cause": repr(failure.__cause__)})

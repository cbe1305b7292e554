"""Conversion: claim a job, make its MP3, and store the outcome in the job (functions/README.md, The steps)."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from functions.backends.files import MP3S, VIDEOS, Files, Writer
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.backends.usage import Usage
from functions.common import chapters, errors, ids, metrics, transitions
from functions.common.errors import Failure
from functions.common.options import Options
from functions.common.transitions import CLAIM, FAIL, FINISH, HAND_BACK, POSTPONE
from functions.common.values import Document
from functions.convert import again, version, workspace
from functions.convert.lease import Lease, Lost, Stopped
from functions.convert.watch import Watch

if TYPE_CHECKING:
    from functions.convert.engine import Made

_log = logging.getLogger(__name__)

_READ_BYTES = 2**20
_OTHERS_MOST = 20  # a file may have thousands of tracks

Encode = Callable[[Path, Path, Options, Watch], "Made"]


def run(
    job_id: str, *, jobs: Jobs, files: Files, queue: Queue, usage: Usage, encode: Encode, holder: str, stopping: Event
) -> None:
    """Convert a job if it is ready; do nothing if it cannot be claimed.

    The outcome is always written to the job. Raises Failure(UNAVAILABLE) only if that fails.
    """
    job = _claim(job_id, jobs, holder)
    if job is None:
        return
    began = time.monotonic()
    try:
        ended = _convert(job, began, jobs, files, encode, stopping)
    except Lost:
        _log.warning("lost the lease", extra={"job": job_id, "epoch": job["epoch"]})
        metrics.observe(metrics.CONVERSIONS, time.monotonic() - began, metrics.LOST)
        _discard(job, jobs, files)
        return
    except Stopped:
        ended = jobs.apply(HAND_BACK, job_id, epoch=job["epoch"])
    except Exception as error:
        ended = _record_failure(job, began, error, jobs)
    _count(ended, time.monotonic() - began)
    if ended is None or ended["state"] != transitions.DONE:
        _discard(job, jobs, files)
    if ended is not None:
        _log.info("conversion ended", extra={"job": job_id, "state": ended["state"], "epoch": job["epoch"]})
        if "retry_at" not in ended:
            queue.announce([ended])
        _charge(job, ended, usage)


def _claim(job_id: str, jobs: Jobs, holder: str) -> Document | None:
    job = jobs.find(job_id)
    if job is None or job["state"] != transitions.READY:
        return None
    return jobs.apply(CLAIM, job_id, epoch=job["epoch"], holder=holder)


def _convert(job: Document, began: float, jobs: Jobs, files: Files, encode: Encode, stopping: Event) -> Document | None:
    lease = Lease(job, jobs, stopping)
    options = Options.from_document(job.get("options"))
    # Only at the first attempt: a job must not depend on another one's MP3, nor write two files under one id.
    found = again.find(job, options, jobs) if job["attempts"] == 1 else None
    file_id = ids.mp3_file(job["_id"], job["epoch"])
    with files.write(MP3S, file_id) as writer:
        if found:
            mp3, beside = again.copy(found, options, files, writer, lease.beat)
            _log.info("copied the MP3 of another job", extra={"job": job["_id"], "other": found["_id"]})
        else:
            mp3, beside = _encode(job, options, files, writer, encode, lease)
        digest = writer.finish(**beside)
    mp3 |= {"file_id": file_id, "length": writer.length, "sha256": digest}
    return jobs.apply(FINISH, job["_id"], mp3=mp3, **_of(job, began))


def _encode(
    job: Document, options: Options, files: Files, writer: Writer, encode: Encode, lease: Lease
) -> tuple[Document, Document]:
    """Write the MP3 of a job's video; return what the job tells of it, and what is stored beside it."""
    # The video gets a fixed name: nothing the sender chose reaches the file system or a command line.
    with workspace.folder() as folder:
        source, target = folder / "in", folder / "out.mp3"
        _fetch(job, source, files, lease)
        made = encode(source, target, options, lease)
        with target.open("rb") as content:
            while block := content.read(_READ_BYTES):
                writer.write(block)
                lease.beat()
    about = {
        "duration": made.duration,
        "notes": list(made.notes),
        "others": [{"number": each.number, "language": each.language} for each in made.others[:_OTHERS_MOST]],
        "texts": dict(made.texts),
        "picture": made.picture,
        "version": version.current(),
    }
    # Beside the MP3, so that they are found, replaced and deleted with it.
    beside: Document = {"waveform": made.waveform.to_document()} if made.waveform else {}
    listed = chapters.to_document([(each.start, each.end, each.title) for each in made.chapters])
    if listed:
        about["chapters"], beside["chapters"] = len(listed), listed
    return about, beside


def _fetch(job: Document, source: Path, files: Files, lease: Lease) -> None:
    reader = files.read(VIDEOS, job["_id"])
    if reader is None:
        raise Failure(errors.UNAVAILABLE)
    with source.open("xb") as copy:
        for block in reader.blocks():
            copy.write(block)
            lease.beat()


def _record_failure(job: Document, began: float, error: Exception, jobs: Jobs) -> Document | None:
    """Fail the job, or postpone it if the error may pass (functions/README.md, rule 6)."""
    kind = error.kind if isinstance(error, Failure) else errors.INTERNAL
    if not isinstance(error, Failure):
        _log.error("unexpected error", exc_info=error, extra={"job": job["_id"]})
    if not kind.permanent:
        _log.warning("conversion postponed", extra={"job": job["_id"], "cause": repr(error.__cause__ or error)})
        if job["attempts"] < jobs.periods.max_attempts:
            retry_at = jobs.after(jobs.periods.backoff(job["attempts"]))
            return jobs.apply(POSTPONE, job["_id"], retry_at=retry_at, **_of(job, began))
        kind = errors.GAVE_UP
    reason = {"code": kind.code, "title": kind.title}
    return jobs.apply(FAIL, job["_id"], error=reason, **_of(job, began))


def _of(job: Document, began: float) -> Document:
    """Return what every change that ends a conversion is given."""
    seconds = math.ceil(time.monotonic() - began)
    return {"epoch": job["epoch"], "webhook": job.get("webhook"), "seconds": seconds}


def _charge(job: Document, ended: Document, usage: Usage) -> None:
    """Count what the conversion used of its user's quotas; if this fails, the next count of the jobs does."""
    seconds = ended.get("spent", 0) - job.get("spent", 0)
    size = ended["mp3"]["length"] if ended["state"] == transitions.DONE else 0
    try:
        if seconds or size:
            usage.charge(job, seconds, size)
    except Failure as failure:
        _log.warning("not charged; the next count does", extra={"job": job["_id"], "cause": repr(failure.__cause__)})


def _count(ended: Document | None, seconds: float) -> None:
    if ended is None:
        metrics.observe(metrics.CONVERSIONS, seconds, metrics.LOST)
    elif ended["state"] == transitions.DONE:
        metrics.observe(metrics.CONVERSIONS, seconds, metrics.DONE)
        metrics.count(metrics.AUDIO, amount=ended["mp3"]["duration"])
    elif ended["state"] == transitions.FAILED:
        metrics.observe(metrics.CONVERSIONS, seconds, metrics.FAILED)
        metrics.count(metrics.FAILURES, ended["error"]["code"])
    else:
        metrics.observe(metrics.CONVERSIONS, seconds, metrics.AGAIN)


def _discard(job: Document, jobs: Jobs, files: Files) -> None:
    """Delete the MP3 that this claim stored, unless the job names it; sweep deletes it if this fails."""
    file_id = ids.mp3_file(job["_id"], job["epoch"])
    try:
        now = jobs.find(job["_id"])
        if now is None or now.get("mp3", {}).get("file_id") != file_id:
            files.delete(MP3S, file_id)
    except Failure as failure:
        _log.warning("not deleted; sweep will", extra={"job": job["_id"], "cause": repr(failure.__cause__)})

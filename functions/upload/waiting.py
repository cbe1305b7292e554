"""Waiting: an upload that prefers to wait for its MP3 is answered once the job has ended (RFC 7240, `wait`)."""

from __future__ import annotations

import logging
import threading
import time
from functools import cache

from flask import Request, Response, current_app
from werkzeug.http import parse_dict_header

from functions.backends.jobs import Jobs
from functions.common import errors, metrics, shown, shutdown, transitions, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.shares import Shares
from functions.common.values import Document

_log = logging.getLogger(__name__)

_MOST_SECONDS = 300  # platforms end a request, with its upload, after ten minutes
_LOOK_SECONDS = 0.25
_RUNNING = (transitions.RECEIVING, transitions.READY, transitions.CONVERTING)
_JSON, _MP3 = "application/json", "audio/mpeg"


class NoPlace(Exception):
    """As many wait already as may."""


def wanted(request: Request) -> int:
    """Return how many seconds the client prefers to wait at most; 0 if it does not, or says so in another way."""
    sent = parse_dict_header(",".join(request.headers.getlist("Prefer")))
    preferred = {name.strip().lower(): value or "" for name, value in sent.items()}
    seconds = preferred.get("wait", "").partition(";")[0].strip(' "')
    return min(int(seconds), _MOST_SECONDS) if seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else 0


def until_ended(request: Request, job_id: str, seconds: int, jobs: Jobs) -> Document | None:
    """Wait until a job has ended, and return it; None if it did not, or the client left. Raises NoPlace."""
    shares: Shares = current_app.config["SHARES"]
    if not shares.waits.acquire(blocking=False):
        raise NoPlace
    metrics.move(metrics.OPEN, metrics.END_AWAITED, 1)
    try:
        return _watch(jobs).ended(job_id, seconds, request)
    finally:
        metrics.move(metrics.OPEN, metrics.END_AWAITED, -1)
        shares.waits.release()


def answer(request: Request, job: Document, loaded: Loaded, headers: dict[str, str]) -> Response:
    """Answer with a job that has ended, or with where its MP3 is if the client accepts that alone.

    Raises Failure with status 422 and the code of a job that failed, NOT_FOUND for one that was deleted.
    """
    if job["state"] == transitions.FAILED:
        raise Failure(errors.of_job(job["error"]), headers, id=job["_id"])
    if job["state"] != transitions.DONE:
        raise Failure(errors.NOT_FOUND, headers)
    if request.accept_mimetypes.best_match([_JSON, _MP3]) != _MP3:
        return web.answer(shown.job(job, loaded), headers=headers)
    address = shown.audio(job, loaded)
    return web.answer({"id": job["_id"], "links": {"audio": address}}, 303, headers | {"Location": address})


class _Watch:
    """Asks the database for all who wait in this process at once."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._changed = threading.Condition()
        self._waiting: dict[str, int] = {}  # by job, how many
        self._ended: dict[str, Document] = {}
        self._is_looking = False

    def ended(self, job_id: str, seconds: int, request: Request) -> Document | None:
        until = time.monotonic() + seconds
        peer = request.environ.get("gunicorn.socket")
        with self._changed:
            self._waiting[job_id] = self._waiting.get(job_id, 0) + 1
            if not self._is_looking:
                threading.Thread(target=self._look, name="waiting", daemon=True).start()
                self._is_looking = True
            try:
                while job_id not in self._ended and (left := until - time.monotonic()) > 0:
                    if shutdown.requested.is_set() or (peer and peer.has_left()):
                        break
                    self._changed.wait(min(left, 1.0))
                return self._ended.get(job_id)
            finally:
                self._waiting[job_id] -= 1
                if not self._waiting[job_id]:
                    del self._waiting[job_id]
                    self._ended.pop(job_id, None)

    def _look(self) -> None:
        """Look while anybody waits."""
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._changed:
                if not self._waiting:
                    self._is_looking = False
                    return
                asked = list(self._waiting.keys() - self._ended.keys())
            try:
                found = self._jobs.several(asked) if asked else []
            except Failure as failure:
                _log.warning("not looked", extra={"cause": repr(failure.__cause__)})
                continue
            except Exception:  # whoever comes later would wait in vain if this thread ended
                _log.exception("unexpected error")
                continue
            with self._changed:
                ended = (job for job in found if job["state"] not in _RUNNING)
                self._ended |= {job["_id"]: job for job in ended if job["_id"] in self._waiting}
                self._changed.notify_all()


@cache
def _watch(jobs: Jobs) -> _Watch:
    return _Watch(jobs)

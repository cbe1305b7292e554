"""The lease on a conversion: renewed by the work that progresses, and the place where the work learns to stop."""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Event

from functions.backends.jobs import Jobs
from functions.common.transitions import RENEW, Document

_RENEWALS_A_LEASE = 3
_MOST_BEFORE_THE_END = 99


class Lost(Exception):
    """Somebody else has the job now: the lease ran out, or the job was deleted."""


class Stopped(Exception):
    """This process was told to stop, and gives the job back."""


class Lease:
    """Hold a job that was claimed; `beat` is called as the work progresses."""

    def __init__(self, job: Document, jobs: Jobs, stopping: Event) -> None:
        self.job = job
        self._jobs = jobs
        self._stopping = stopping
        limit = jobs.periods.convert_timeout
        self.deadline = time.monotonic() + limit
        self._last_moment = job["claimed_at"] + timedelta(seconds=limit)
        self._pause = min(1.0, jobs.periods.convert_lease / _RENEWALS_A_LEASE)
        self._renewed = time.monotonic()
        self._shown = 0

    def beat(self, progress: float = 0.0) -> None:
        """Renew the lease, at most once a second, with the progress in per cent. Raises Lost or Stopped."""
        if self._stopping.is_set():
            raise Stopped
        done = min(_MOST_BEFORE_THE_END, max(0, int(progress)))
        # The first sign of progress is shown at once: a short conversion is over before the pause is.
        first = done > 0 and self._shown == 0
        if not first and time.monotonic() - self._renewed <= self._pause:
            return
        self._renewed = time.monotonic()
        self._shown = max(done, self._shown)
        given = {"epoch": self.job["epoch"], "deadline": self._last_moment, "progress": done}
        if self._jobs.apply(RENEW, self.job["_id"], **given) is None:
            raise Lost

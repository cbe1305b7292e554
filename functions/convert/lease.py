"""The lease on a conversion: renewed by the work that progresses, and the place where the work learns to stop."""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Event

from functions.backends.jobs import Jobs
from functions.common.transitions import RENEW, Document
from functions.convert.watch import Watch

_RENEWALS_A_LEASE = 3
_MOST_BEFORE_THE_END = 99


class Lost(Exception):
    """Somebody else has the job now: the lease ran out, or the job was deleted."""


class Stopped(Exception):
    """This process was told to stop, and gives the job back."""


class Lease(Watch):
    """Hold a job that was claimed; `beat` is called as the work progresses."""

    def __init__(self, job: Document, jobs: Jobs, stopping: Event) -> None:
        limit = jobs.periods.convert_timeout
        super().__init__(time.monotonic() + limit)
        self.job = job
        self._jobs = jobs
        self._stopping = stopping
        self._last_moment = job["claimed_at"] + timedelta(seconds=limit)
        self._pause = min(1.0, jobs.periods.convert_lease / _RENEWALS_A_LEASE)
        self._renewed = time.monotonic()
        self._progress = self._shown = 0  # per cent

    def check(self) -> None:
        """Raise Stopped once this process was told to stop; the lease stays as it is."""
        if self._stopping.is_set():
            raise Stopped

    def beat(self, progress: float = 0.0) -> None:
        """Renew the lease because the work goes on, at most once a second; show how many per cent are done.

        Raises Lost or Stopped.
        """
        self.check()
        self._progress = max(self._progress, min(_MOST_BEFORE_THE_END, int(progress)))
        # The first sign of progress is shown at once: a short conversion is over before the pause is.
        first = self._progress > 0 and self._shown == 0
        if not first and time.monotonic() - self._renewed <= self._pause:
            return
        self._renewed = time.monotonic()
        self._shown = self._progress
        given = {"epoch": self.job["epoch"], "deadline": self._last_moment, "progress": self._progress}
        if self._jobs.apply(RENEW, self.job["_id"], **given) is None:
            raise Lost

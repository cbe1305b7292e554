"""The lease on a conversion: renewed while the work progresses; it stops the work when it is lost."""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Event

from functions.backends.jobs import Jobs
from functions.common.settings import RENEWALS_A_LEASE
from functions.common.transitions import RENEW
from functions.common.values import Document
from functions.convert.watch import Watch

_MAX_UNFINISHED_PERCENT = 99


class Lost(Exception):
    """The lease expired and another process took the job, or the job was deleted."""


class Stopped(Exception):
    """This process was told to stop; the job goes back."""


class Lease(Watch):
    """Hold a claimed job; `beat` renews the lease."""

    def __init__(self, job: Document, jobs: Jobs, stopping: Event) -> None:
        limit = jobs.periods.convert_timeout
        super().__init__(time.monotonic() + limit)
        self.job = job
        self._jobs = jobs
        self._stopping = stopping
        self._latest_end = job["claimed_at"] + timedelta(seconds=limit)
        self._pause = min(1.0, jobs.periods.convert_lease / RENEWALS_A_LEASE)
        self._renewed = time.monotonic()
        self._progress = self._shown = 0  # percent

    def check(self) -> None:
        """Raise Stopped once this process was told to stop."""
        if self._stopping.is_set():
            raise Stopped

    def beat(self, progress: float = 0.0) -> None:
        """Renew the lease, at most once a second, and store the progress in percent.

        Raises Lost or Stopped.
        """
        self.check()
        self._progress = max(self._progress, min(_MAX_UNFINISHED_PERCENT, int(progress)))
        # Store the first progress at once: a short conversion may end before the next renewal.
        first = self._progress > 0 and self._shown == 0
        if not first and time.monotonic() - self._renewed <= self._pause:
            return
        self._renewed = time.monotonic()
        self._shown = self._progress
        given = {"epoch": self.job["epoch"], "deadline": self._latest_end, "progress": self._progress}
        if self._jobs.apply(RENEW, self.job["_id"], **given) is None:
            raise Lost

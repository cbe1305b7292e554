"""The sweeper: the backends and limits of one pass; one bad job does not stop the pass."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from functions.backends import mongodb
from functions.backends.files import Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.backends.usage import Usage
from functions.common import metrics, trace
from functions.common.errors import Failure
from functions.common.transitions import Transition
from functions.common.values import Document

_log = logging.getLogger(__name__)

MAX_JOBS = 5000  # of one repair in one pass


@dataclass(frozen=True)
class Sweeper:
    """The backends and limits of one pass, and the number of jobs it changed, by transition."""

    jobs: Jobs
    files: Files
    queue: Queue
    usage: Usage
    pass_seconds: float = 20.0
    job_seconds: float = 10.0  # for one step of one job
    max_jobs: int = MAX_JOBS  # of one repair
    counts: Counter[str] = field(default_factory=Counter)

    def apply(self, row: Transition, job: Document, **given: Any) -> list[Document]:
        """Apply a transition; return the changed job in a list, which is empty if the job has changed since."""
        expected = {"epoch": job["epoch"], "token": job["mail"].get("token")}
        with mongodb.within(self.job_seconds):
            changed = self.jobs.apply(row, job["_id"], **expected | given)
        if changed is None:
            return []
        self.counts[row.name] += 1
        _log.info("swept", extra={"job": job["_id"], "transition": row.name})
        return [changed]

    @contextmanager
    def isolate(self, job: Document) -> Iterator[None]:
        """Log and count the failure of one job, so that the pass goes on; the next pass tries again."""
        with trace.following(job.get("traceparent")):
            try:
                yield
            except Failure as failure:
                self.counts[metrics.NOT_REPAIRED] += 1
                _log.warning("not repaired", extra={"job": job["_id"], "cause": repr(failure.__cause__)})
            except Exception:  # a malformed document
                self.counts[metrics.NOT_REPAIRED] += 1
                _log.exception("not repaired", extra={"job": job["_id"]})

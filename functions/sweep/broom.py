"""The broom: what a pass sweeps with, and the care that keeps one bad job from stopping it."""

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
from functions.common import trace
from functions.common.errors import Failure
from functions.common.transitions import Transition
from functions.common.values import Document

_log = logging.getLogger(__name__)

MOST = 5000  # jobs that one repair takes in one pass


@dataclass(frozen=True)
class Broom:
    """What a pass sweeps with, for how long, and how much of each kind at the most."""

    jobs: Jobs
    files: Files
    queue: Queue
    seconds: float = 20.0  # for a pass
    patience: float = 10.0  # what one step of one job may cost of them
    most: int = MOST
    done: Counter[str] = field(default_factory=Counter)

    def take(self, row: Transition, job: Document, **given: Any) -> list[Document]:
        """Take a job through a row; return it in a list that is empty when somebody else was faster."""
        claim = {"epoch": job["epoch"], "token": job["mail"].get("token")}
        with mongodb.within(self.patience):
            changed = self.jobs.apply(row, job["_id"], **claim, **given)
        if changed is None:
            return []
        self.done[row.name] += 1
        _log.info("swept", extra={"job": job["_id"], "transition": row.name})
        return [changed]

    @contextmanager
    def care(self, job: Document) -> Iterator[None]:
        """Let a job that cannot be mended cost its own turn only: it is tried again in the next pass."""
        with trace.following(job.get("traceparent")):
            try:
                yield
            except Failure as failure:
                self.done["not_mended"] += 1
                _log.warning("not mended", extra={"job": job["_id"], "cause": repr(failure.__cause__)})
            except Exception:  # a document that is not as it should be
                self.done["not_mended"] += 1
                _log.exception("not mended", extra={"job": job["_id"]})

"""Sweeping: repair what a crash left, in passes of limited length; several may run at once."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from threading import Event

from functions.common import metrics
from functions.common.values import Document
from functions.sweep.repairs import REPAIRS, Repair
from functions.sweep.sweeper import Sweeper

_log = logging.getLogger(__name__)

TURN_SECONDS = 1.0


def run(sweeper: Sweeper, stopping: Event) -> dict[str, int]:
    """Make one pass; return how many jobs went through each transition.

    The repairs take turns, so that a long repair or a slow backend leaves time for the others.
    Raises the last error if every repair failed.
    """
    end = time.monotonic() + sweeper.pass_seconds
    backlogs = deque(Backlog(repair, sweeper) for repair in REPAIRS)
    worked, wrong = False, None
    while backlogs and time.monotonic() < end and not stopping.is_set():
        backlog = backlogs.popleft()
        try:
            backlog.repair.run(sweeper, backlog.turn(min(end, time.monotonic() + TURN_SECONDS), stopping))
        except Exception as error:
            wrong = error
            sweeper.counts[metrics.REPAIRS_FAILED] += 1
            cause = repr(error.__cause__ or error)
            _log.warning("repair failed", extra={"repair": backlog.repair.name, "cause": cause})
            continue
        worked = True
        if not backlog.empty:
            backlogs.append(backlog)
    if wrong and not worked:
        raise wrong
    if backlogs:
        _log.warning("the next pass goes on", extra={"repairs": [backlog.repair.name for backlog in backlogs]})
    return dict(sweeper.counts)


class Backlog:
    """The jobs that are due for one repair, read from the database while they are repaired."""

    def __init__(self, repair: Repair, sweeper: Sweeper) -> None:
        self.repair = repair
        self.empty = False
        self._jobs = repair.due(sweeper.jobs, sweeper.max_jobs)

    def turn(self, end: float, stopping: Event) -> Iterator[Document]:
        """Yield jobs until the turn ends or none is left."""
        while time.monotonic() < end and not stopping.is_set():
            job = next(self._jobs, None)
            if job is None:
                self.empty = True
                return
            yield job

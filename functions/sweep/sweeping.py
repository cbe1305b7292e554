"""Sweeping: repair what a crash left, one bounded pass at a time, any number of sweepers at once."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from threading import Event

from functions.common.values import Document
from functions.sweep.broom import Broom
from functions.sweep.repairs import REPAIRS, Repair

_log = logging.getLogger(__name__)

TURN_SECONDS = 1.0


def run(broom: Broom, stopping: Event) -> dict[str, int]:
    """Make one pass; return how many jobs it took through which transition.

    The repairs take turns, so that one with much to do, or with a backend that is slow, leaves time to the others.
    Raises what went wrong where not one of them could do anything.
    """
    end = time.monotonic() + broom.seconds
    lines = deque(Line(repair, broom) for repair in REPAIRS)
    worked, wrong = False, None
    while lines and time.monotonic() < end and not stopping.is_set():
        line = lines.popleft()
        try:
            line.repair.mend(broom, line.turn(min(end, time.monotonic() + TURN_SECONDS), stopping))
        except Exception as error:
            wrong = error
            broom.done["repairs_failed"] += 1
            _log.warning("repair failed", extra={"repair": line.repair.name, "cause": repr(error.__cause__ or error)})
            continue
        worked = True
        if not line.over:
            lines.append(line)
    if wrong and not worked:
        raise wrong
    if lines:
        _log.warning("the next pass goes on", extra={"repairs": [line.repair.name for line in lines]})
    return dict(broom.done)


class Line:
    """The jobs that wait in line for one repair, read from the database as they are handed out."""

    def __init__(self, repair: Repair, broom: Broom) -> None:
        self.repair = repair
        self.over = False
        self._jobs = repair.due(broom.jobs, broom.most)

    def turn(self, end: float, stopping: Event) -> Iterator[Document]:
        """Hand out jobs until the turn ends or none is left."""
        while time.monotonic() < end and not stopping.is_set():
            job = next(self._jobs, None)
            if job is None:
                self.over = True
                return
            yield job

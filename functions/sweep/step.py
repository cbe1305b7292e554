"""The step: one pass, put together from its parts."""

from __future__ import annotations

from functools import cache

from functions.backends import files, jobs, queue
from functions.common import metrics, shutdown
from functions.common.settings import Mongo, Sweeping
from functions.sweep import gauges, sweeping
from functions.sweep.sweeper import Sweeper


def take(settings: Sweeping, mongo: Mongo) -> dict[str, int]:
    """Make one pass; return how many jobs it took through which transition."""
    documents = jobs.connect()
    _prepare()
    sweeper = Sweeper(documents, files.connect(), queue.connect(), settings.pass_seconds, mongo.timeout)
    done = sweeping.run(sweeper, shutdown.requested)
    for trouble in (metrics.REPAIRS_FAILED, metrics.NOT_MENDED):
        metrics.count(metrics.TROUBLES, trouble, amount=done.get(trouble, 0))
    gauges.update(documents, mongo.timeout)
    return done


@cache
def _prepare() -> None:
    # Cached once it succeeds: a pass that could not create the indexes leaves that to the next one.
    jobs.connect().prepare()

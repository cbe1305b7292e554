"""The step: connect to the backends, make a pass, and update the metrics."""

from __future__ import annotations

from functools import cache

from functions.backends import closing as accounts
from functions.backends import files, jobs, queue
from functions.common import metrics, shutdown
from functions.common.settings import Mongo, Sweeping
from functions.sweep import closing, gauges, sweeping
from functions.sweep.sweeper import Sweeper


def run(settings: Sweeping, mongo: Mongo) -> dict[str, int]:
    """Make one pass; return how many jobs went through each transition."""
    documents = jobs.connect()
    _prepare()
    sweeper = Sweeper(documents, files.connect(), queue.connect(), settings.pass_seconds, mongo.timeout)
    closing.run(sweeper, accounts.connect(), shutdown.requested)
    counts = sweeping.run(sweeper, shutdown.requested)
    for trouble in (metrics.REPAIRS_FAILED, metrics.NOT_REPAIRED):
        metrics.count(metrics.TROUBLES, trouble, amount=counts.get(trouble, 0))
    gauges.update(documents, mongo.timeout)
    return counts


@cache
def _prepare() -> None:
    # Cached only if it succeeds: if a pass cannot create the indexes, the next one tries again.
    jobs.connect().prepare()

"""The step: connect to the backends, make a pass, and update the metrics."""

from __future__ import annotations

from functools import cache

from functions.backends import closing as accounts
from functions.backends import feeds, files, idempotency_keys, jobs, queue, usage
from functions.common import metrics, shutdown
from functions.common.settings import Mongo, Sweeping
from functions.sweep import closing, counting, gauges, sweeping
from functions.sweep.sweeper import Sweeper


def run(settings: Sweeping, mongo: Mongo) -> dict[str, int]:
    """Make one pass; return how many jobs went through each transition."""
    documents = jobs.connect()
    _prepare()
    counts_of_users = usage.connect()
    sweeper = Sweeper(
        documents, files.connect(), queue.connect(), counts_of_users, settings.pass_seconds, mongo.timeout
    )
    closing.run(sweeper, accounts.connect(), feeds.connect(), shutdown.requested)
    counts = sweeping.run(sweeper, shutdown.requested)
    for trouble in (metrics.REPAIRS_FAILED, metrics.NOT_REPAIRED):
        metrics.count(metrics.TROUBLES, trouble, amount=counts.get(trouble, 0))
    counting.run(counts_of_users, idempotency_keys.connect(), mongo.timeout)
    gauges.update(documents, mongo.timeout)
    return counts


@cache
def _prepare() -> None:
    # Cached only if it succeeds: if a pass cannot create the indexes, the next one tries again.
    jobs.connect().prepare()
    usage.connect().prepare()
    idempotency_keys.connect().prepare()
    feeds.connect().prepare()

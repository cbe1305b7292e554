"""sweep: repair what crashes left; called every 30 s by a timer (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, metrics, shutdown, web
from functions.common.settings import Broker, Mongo, Periods, Sweeping

config.load(Periods)
config.load(Broker)
_MONGO = config.load(Mongo)
_SWEEPING = config.load(Sweeping)

_prepared = False


@functions_framework.http
def sweep(request: Request) -> Response:
    """Make one pass, whatever the timer sent; answer how many jobs it took through which transition."""
    web.allow(request, "POST")
    web.small_body(request)
    # The drivers load with the first pass, not with the process.
    from functions.backends import files, jobs, queue
    from functions.sweep import gauges, sweeping
    from functions.sweep.sweeper import Sweeper

    documents = jobs.connect()
    global _prepared
    if not _prepared:
        documents.prepare()
        _prepared = True
    sweeper = Sweeper(documents, files.connect(), queue.connect(), _SWEEPING.pass_seconds, _MONGO.timeout)
    done = sweeping.run(sweeper, shutdown.requested)
    metrics.swept(done)
    gauges.update(documents, _MONGO.timeout)
    return web.answer(done)

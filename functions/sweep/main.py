"""sweep: repair what crashes left; called every 30 s by a timer (DESIGN section 1)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Broker, Mongo, Periods

config.load(Periods)
config.load(Mongo)
config.load(Broker)

_prepared = False


@functions_framework.http
def sweep(request: Request) -> Response:
    """Make one pass, whatever the timer sent; answer how many jobs it took through which transition."""
    web.allow(request, "POST")
    web.small_body(request)
    # The drivers load with the first pass, not with the process.
    from functions.backends import files, jobs, queue
    from functions.sweep import sweeping

    documents = jobs.connect()
    global _prepared
    if not _prepared:
        documents.prepare()
        _prepared = True
    return web.answer(sweeping.run(sweeping.Broom(documents, files.connect(), queue.connect())))

"""sweep: repair what crashes left; called every 30 s by a timer (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Broker, Mongo, Periods, Sweeping

TAKES_EVENTS = True
SETTINGS = (Periods, Broker, Mongo, Sweeping)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def sweep(request: Request) -> Response:
    """Make one pass, whatever the timer sent; answer how many jobs it took through which transition."""
    web.allow(request, "POST")
    web.small_body(request)
    # The drivers load with the first pass, not with the process.
    from functions.sweep import step

    return web.answer(step.take(_LOADED[Sweeping], _LOADED[Mongo]))

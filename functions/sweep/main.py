"""sweep: repair what crashes left; called every 30 s by a timer (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Broker, MaybeDatabase, Mongo, Periods, Sweeping

TAKES_EVENTS = True
SETTINGS = (Periods, Broker, Mongo, Sweeping, MaybeDatabase)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def sweep(request: Request) -> Response:
    """Make one pass and ignore the body; answer how many jobs went through each transition."""
    web.allow(request, "POST")
    web.small_body(request)
    # The drivers load with the first pass, not with the process, to keep the cold start short.
    from functions.sweep import step

    return web.answer(step.run(_LOADED[Sweeping], _LOADED[Mongo]))

"""notify: an `mp3.ready` or `conversion.failed` event in, one mail out (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Links, Mongo, Periods, Relay, SignedLinks

TAKES_EVENTS = True
SETTINGS = (Links, SignedLinks, Periods, Mongo, Relay)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def notify(request: Request) -> Response:
    """Mail the owner of the job that the event names; answer 200 when that is done or written down for later."""
    web.allow(request, "POST")
    # The drivers load with the first event, not with the process.
    from functions.notify import step

    return web.answer({"id": step.take(request, _LOADED[Links], _LOADED[SignedLinks])})

"""notify: tell by mail and webhook how a job ended, on its event (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Links, MaybeDatabase, Mongo, Periods, Relay, SignedLinks, Webhooks

TAKES_EVENTS = True
SETTINGS = (Links, SignedLinks, Periods, Mongo, Relay, MaybeDatabase, Webhooks)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def notify(request: Request) -> Response:
    """Tell the owner of the job; answer 200 once that was done, or a retry is stored in the job."""
    web.allow(request, "POST")
    # The drivers load with the first event, not with the process, to keep the cold start short.
    from functions.notify import step

    return web.answer({"id": step.run(request, _LOADED[Links], _LOADED[SignedLinks])})

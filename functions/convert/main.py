"""convert: turn the video that a `video.uploaded` event names into an MP3 (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Broker, Converting, Mongo, Periods
from functions.convert import workspace

TAKES_EVENTS = True
SETTINGS = (Converting, Periods, Mongo, Broker)
_LOADED = config.load_all(SETTINGS)
# gunicorn replaces a worker that was killed, and the next conversion, which would clean up, may come much later.
workspace.remove_abandoned()


@functions_framework.http
def convert(request: Request) -> Response:
    """Convert the job that the event names; answer 200 once the result or the retry is stored in the job."""
    web.allow(request, "POST")
    # The drivers load with the first event, not with the process, to keep the cold start short.
    from functions.convert import step

    return web.answer({"id": step.run(request, _LOADED[Converting])})

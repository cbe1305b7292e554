"""convert: turn the video that a `video.uploaded` event names into an MP3 (functions/README.md, The steps)."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import functions_framework
from flask import Request, Response

from functions.common import config, shutdown, trace, web
from functions.common.settings import Broker, Converting, Mongo, Periods
from functions.convert import workspace

if TYPE_CHECKING:
    from functions.common.options import Options
    from functions.convert.engine import Made
    from functions.convert.watch import Watch

SETTINGS = (Converting, Periods, Mongo, Broker)
_CONVERTING = config.load_all(SETTINGS)[Converting]
# gunicorn replaces a worker that was killed, and it may be long until the next conversion cleans up after it.
workspace.remove_abandoned()


@functions_framework.http
def convert(request: Request) -> Response:
    """Convert the job that the event names; answer 200 once the result or the retry is stored in the job."""
    web.allow(request, "POST")
    # Drivers load with the first event: a cold start does not pay for them.
    from functions.backends import files, jobs, queue
    from functions.common import events
    from functions.convert import conversion

    hint = events.decode(dict(request.headers), web.small_body(request), events.VIDEO_UPLOADED)
    trace.follow(hint.traceparent)
    conversion.run(
        hint.job_id,
        jobs=jobs.connect(),
        files=files.connect(),
        queue=queue.connect(),
        encode=_encode,
        holder=f"{socket.gethostname()}/{os.getpid()}",
        stopping=shutdown.requested,
    )
    return web.answer({"id": hint.job_id})


def _encode(source: Path, target: Path, options: Options, watch: Watch) -> Made:
    # The engine loads after the claim: events for a job that another process has do not pay for it.
    from functions.convert import engine
    from functions.convert.limits import Limits

    limits = Limits(_CONVERTING.max_duration, _CONVERTING.max_mp3_bytes)
    return engine.convert(source, target, options, watch, limits=limits, encoders=_CONVERTING.encoders)

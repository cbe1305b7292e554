"""The step: read the event, connect to the backends, and run the conversion."""

from __future__ import annotations

import os
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Request

from functions.backends import files, jobs, queue, usage
from functions.common import access, events, shutdown, trace, web
from functions.common.options import Options
from functions.common.settings import Converting
from functions.convert import conversion
from functions.convert.limits import Limits
from functions.convert.watch import Watch

if TYPE_CHECKING:
    from functions.convert.engine import Made


def run(request: Request, converting: Converting) -> str:
    """Convert the job of the event in the request; return the job's id."""
    hint = events.decode(dict(request.headers), web.small_body(request), events.VIDEO_UPLOADED)
    trace.follow(hint.traceparent)
    access.about(job=hint.job_id)
    conversion.run(
        hint.job_id,
        jobs=jobs.connect(),
        files=files.connect(),
        queue=queue.connect(),
        usage=usage.connect(),
        encode=partial(_encode, converting),
        holder=f"{socket.gethostname()}/{os.getpid()}",
        stopping=shutdown.requested,
    )
    return hint.job_id


def _encode(converting: Converting, source: Path, target: Path, options: Options, watch: Watch) -> Made:
    # The engine loads after the claim, so that events for a job of another process do not load it.
    from functions.convert import engine

    limits = Limits(converting.max_duration, converting.max_mp3_bytes)
    return engine.convert(source, target, options, watch, limits=limits, encoders=converting.encoders)

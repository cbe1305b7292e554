"""upload: one video in, as a form or as the body; a job's id out (functions/README.md, The steps)."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import functions_framework
from flask import Request, Response

from functions.common import config, trace, web
from functions.common.settings import Broker, Links, Mongo, Periods, Verifying

if TYPE_CHECKING:
    from functions.common.tokens import Verifier
    from functions.common.values import Document

_PERIODS = config.load(Periods)
_VERIFYING = config.load(Verifying)
_LINKS = config.load(Links)
config.load(Mongo)
config.load(Broker)


@functions_framework.http
def upload(request: Request) -> Response:
    """Take one video; answer 202 with the job's id once it can no longer be lost, and then announce it."""
    web.allow(request, "POST", "PUT")
    bearer = web.bearer(request, _verifier())
    # The drivers load with the first upload, not with the process; MongoDB greets while the rest loads.
    from functions.backends import files, jobs

    documents, stored = jobs.connect(), files.connect()
    from functions.common import links, states
    from functions.upload import body, intake

    video = body.open_video(request, _PERIODS)
    job = intake.take(video, bearer, trace.current(), jobs=documents, files=stored)
    # Nobody waits for the broker, or for its driver to load: a job that nobody has announced, sweep announces.
    web.once_answered(partial(_announce, job))
    download = links.to(_LINKS.public_url, "download", fid=job["_id"])
    return web.answer({"id": job["_id"], "state": states.public(job["state"]), "links": {"download": download}}, 202)


def _announce(job: Document) -> None:
    from functions.backends import queue

    queue.connect().announce([job])


@cache
def _verifier() -> Verifier:
    from functions.common.tokens import Verifier

    return Verifier(_VERIFYING.public_keys)

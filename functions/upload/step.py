"""The step: store the video in the request's body as a job, and announce it."""

from __future__ import annotations

from functools import partial

from flask import Request, Response

from functions.backends.files import Files
from functions.backends.jobs import Jobs
from functions.common import access, links, states, trace, web
from functions.common.config import Loaded
from functions.common.settings import Links, Periods
from functions.common.tokens import Bearer
from functions.common.values import Document
from functions.upload import body, intake


def answer(request: Request, bearer: Bearer, loaded: Loaded, *, jobs: Jobs, files: Files) -> Response:
    """Store the request's video as a job of the bearer; answer 202, then announce the job."""
    web.transfer(bearer.user)
    video = body.open_video(request, loaded[Periods])
    job = intake.store(video, bearer, trace.current(), jobs=jobs, files=files)
    access.about(job=job["_id"])
    # The response does not wait for the broker or its driver: sweep announces jobs that were not announced.
    web.after_response(partial(_announce, job))
    download = links.to(loaded[Links].public_url, "download", fid=job["_id"])
    return web.answer({"id": job["_id"], "state": states.public(job["state"]), "links": {"download": download}}, 202)


def _announce(job: Document) -> None:
    from functions.backends import queue

    queue.connect().announce([job])

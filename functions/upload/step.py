"""The step: store the video in the request's body as a job, and announce it; tell what is left of the quotas."""

from __future__ import annotations

from functools import partial

from flask import Request, Response

from functions.backends.usage import Usage
from functions.common import access, links, quotas, states, trace, web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.settings import Links, Periods, Quotas
from functions.common.values import Document
from functions.upload import admission, body, intake
from functions.upload.admission import Stores


def answer(request: Request, bearer: Bearer, loaded: Loaded, stores: Stores) -> Response:
    """Store the request's video as a job of the bearer; answer 202, then announce the job."""
    web.transfer(bearer.user)
    size = body.check(request, loaded[Periods])
    sent = admission.key_of(request)
    key = stores.keys.find(bearer.user, sent) if sent is not None else None
    if key and key.job:
        intake.compare(body.open_video(request, loaded[Periods]), key.job)
        return _accepted(key.job, loaded[Links])
    # Before the first byte of the body is asked for.
    with admission.admitted(bearer.user, size, key, loaded[Quotas], stores) as admitted:
        video = body.open_video(request, loaded[Periods])
        job = intake.store(video, admitted, bearer, trace.current(), jobs=stores.jobs, files=stores.files)
    # The response does not wait for the broker or its driver: sweep announces jobs that were not announced.
    web.after_response(partial(_announce, job))
    web.after_response(partial(admission.settle, admitted, job))
    return _accepted(job, loaded[Links])


def tell_usage(bearer: Bearer, limits: Quotas, usage: Usage) -> Response:
    """Answer what the bearer uses of each quota."""
    every = usage.of(bearer.user, limits)
    return web.answer(quotas.to_document(every), headers=quotas.headers(every))


def _accepted(job: Document, settings: Links) -> Response:
    access.about(job=job["_id"])
    download = links.to(settings.public_url, "download", fid=job["_id"])
    return web.answer({"id": job["_id"], "state": states.public(job["state"]), "links": {"download": download}}, 202)


def _announce(job: Document) -> None:
    from functions.backends import queue

    queue.connect().announce([job])

"""The step: store the video in the request's body as a job, and announce it; tell what is left of the quotas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Request, Response

from functions.backends.usage import Usage
from functions.common import access, links, pages, quotas, states, trace, web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.settings import Links, Periods, Quotas, WebhookTargets
from functions.common.values import Document
from functions.upload import admission, body, intake, waiting
from functions.upload.admission import Stores


def answer(request: Request, bearer: Bearer, loaded: Loaded, stores: Stores) -> Response:
    """Store the request's video as a job of the bearer; answer 202, then announce the job."""
    web.transfer(bearer.user)
    limits, targets = loaded[Periods], loaded[WebhookTargets]
    size = body.check(request, limits, targets)
    sent = admission.key_of(request)
    key = stores.keys.find(bearer.user, sent) if sent is not None else None
    if key and key.job:
        intake.compare(body.open_video(request, limits, targets), key.job)
        return _answered(request, key.job, [], loaded, stores)
    # Before the first byte of the body is asked for.
    with admission.admitted(bearer.user, size, key, loaded[Quotas], stores) as admitted:
        video = body.open_video(request, limits, targets)
        job = intake.store(video, admitted, bearer, trace.current(), jobs=stores.jobs, files=stores.files)
    return _answered(request, job, [partial(_announce, job), partial(admission.settle, admitted, job)], loaded, stores)


def tell_usage(bearer: Bearer, limits: Quotas, usage: Usage) -> Response:
    """Answer what the bearer uses of each quota."""
    every = usage.of(bearer.user, limits)
    return web.answer(quotas.to_document(every), headers=quotas.headers(every))


def _answered(
    request: Request, job: Document, work: list[Callable[[], None]], loaded: Loaded, stores: Stores
) -> Response:
    """Answer, and do what is left to do: after the answer, unless that waits for the end of the job."""
    access.about(job=job["_id"])
    seconds = waiting.wanted(request)
    if not seconds:
        # The response does not wait for the broker or its driver: sweep announces jobs that were not announced.
        for each in work:
            web.after_response(each)
        if pages.wanted(request):
            return pages.moved(request, f"jobs/{job['_id']}")
        return _accepted(job, loaded[Links])
    for each in work:
        each()
    try:
        ended = waiting.until_ended(request, job["_id"], seconds, stores.jobs)
    except waiting.NoPlace:
        return _accepted(job, loaded[Links])
    applied = {"Preference-Applied": f"wait={seconds}"}
    if ended:
        return waiting.answer(request, ended, loaded, applied)
    return _accepted(job, loaded[Links], applied)


def _accepted(job: Document, settings: Links, headers: dict[str, str] | None = None) -> Response:
    download = links.to(settings.public_url, "download", fid=job["_id"])
    return web.answer(
        {"id": job["_id"], "state": states.public(job["state"]), "links": {"download": download}}, 202, headers
    )


def _announce(job: Document) -> None:
    from functions.backends import queue

    queue.connect().announce([job])

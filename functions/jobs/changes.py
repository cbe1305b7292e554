"""Changes: what a bearer may do to a job, by the actions that the operator's command line has too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from flask import Request, Response

from functions.backends import files, jobs, queue, recipients, usage
from functions.backends.queue import Queue
from functions.common import links, shown, web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.settings import Broker, Links, Quotas, SignedLinks
from functions.common.values import Document
from functions.jobs import actions, inputs, routes
from functions.jobs.actions import Again

_DAY_SECONDS = 86_400


class _LaterQueue(Queue):
    """A queue that publishes once the answer is out, so that nobody waits for the broker; sweep does if that fails."""

    def announce(self, jobs: Iterable[Document]) -> bool:
        """Publish the events after the response."""
        web.after_response(partial(queue.connect().announce, list(jobs)))
        return True


def answer(action: str, job_id: str, request: Request, bearer: Bearer, loaded: Loaded) -> Response:
    """Do to a job of the bearer what the request asks for, and answer once it is done."""
    return _ACTIONS[action](job_id, request, bearer, loaded)


def _delete(job_id: str, _request: Request, bearer: Bearer, _loaded: Loaded) -> Response:
    actions.delete(job_id, owner=bearer.user, jobs=jobs.connect(), files=files.connect())
    return web.nothing()


def _retry(job_id: str, request: Request, bearer: Bearer, loaded: Loaded) -> Response:
    again = Again(inputs.chosen(request), usage.connect(), loaded[Quotas])
    queued = actions.retry(job_id, owner=bearer.user, jobs=jobs.connect(), queue=_later(loaded), again=again)
    return web.answer(shown.job(queued.job, loaded), 202)


def _mail(job_id: str, _request: Request, bearer: Bearer, loaded: Loaded) -> Response:
    queued = actions.send_mail(job_id, owner=bearer.user, jobs=jobs.connect(), queue=_later(loaded))
    return web.answer(shown.job(queued.job, loaded), 202)


def _webhook(job_id: str, _request: Request, bearer: Bearer, loaded: Loaded) -> Response:
    queued = actions.send_webhook(
        job_id, owner=bearer.user, jobs=jobs.connect(), queue=_later(loaded), address=recipients.address_of
    )
    return web.answer(shown.job(queued.job, loaded) | {"webhook": "sending"}, 202)


def _link(job_id: str, request: Request, bearer: Bearer, loaded: Loaded) -> Response:
    signed = loaded[SignedLinks]
    seconds = int(inputs.days(request, signed.link_ttl_days) * _DAY_SECONDS)
    documents = jobs.connect()
    job = actions.shareable(job_id, owner=bearer.user, jobs=documents)
    text = links.sign(job_id, job.get("link_version", 0), signed, seconds)
    ends = min(documents.after(seconds), job["expires"]["mp3"])
    url = links.to(loaded[Links].public_url, "download", link=text)
    return web.answer({"url": url, "expires": shown.time(ends)}, 201)


def _revoke(job_id: str, _request: Request, bearer: Bearer, _loaded: Loaded) -> Response:
    actions.revoke_links(job_id, owner=bearer.user, jobs=jobs.connect())
    return web.nothing()


def _later(loaded: Loaded) -> Queue:
    return _LaterQueue(loaded[Broker])


_ACTIONS: dict[str, Callable[[str, Request, Bearer, Loaded], Response]] = {
    routes.DELETE: _delete,
    routes.RETRY: _retry,
    routes.MAIL: _mail,
    routes.WEBHOOK: _webhook,
    routes.LINK: _link,
    routes.REVOKE: _revoke,
}

"""The step: find what a request asks for, and answer with the bearer's jobs; what changes them is in changes."""

from __future__ import annotations

from flask import Request, Response

from functions.backends import jobs, valid_keys
from functions.common import access, errors, ids, links, pages, session, shown, web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Links, Periods
from functions.common.transitions import ABORTED
from functions.jobs import fixed, following, listing, plain, routes


def answer(request: Request, loaded: Loaded) -> Response:
    """Answer a request according to its route and its method."""
    route = routes.of(request)
    web.allow(request, *route.methods)
    action = route.methods[request.method]
    if action in routes.FIXED:
        return fixed.answer(action, request)
    if action in routes.OF_FEEDS:
        # Few requests are for a feed, which needs a library for XML.
        from functions.jobs import feed

        return feed.answer(action, request, route.secret, loaded)
    is_page = action in (routes.LIST, routes.SHOW) and pages.wanted(request)
    bearer = web.caller(request, loaded, valid_keys.verify, session.check_look if is_page else None)
    job_id = route.job_id
    if job_id is None:
        if action == routes.EVENTS:
            return following.answer(request, bearer, None, loaded)
        return _list(request, bearer, loaded, is_page=is_page)
    if not ids.is_id(job_id):
        raise Failure(errors.NOT_FOUND)
    access.about(job=job_id)
    if action == routes.EVENTS:
        return following.answer(request, bearer, _owned(job_id, bearer), loaded)
    if action == routes.SHOW:
        found = shown.job(_owned(job_id, bearer), loaded)
        return plain.shown(request, bearer, found) if is_page else web.answer(found)
    # Most requests only look.
    from functions.jobs import changes

    return changes.answer(action, job_id, request, bearer, loaded)


def _owned(job_id: str, bearer: Bearer) -> dict[str, object]:
    job = jobs.connect().find_owned(job_id, bearer.user)
    if job is None or job["state"] == ABORTED:  # for its owner, an upload that failed has left no job
        raise Failure(errors.NOT_FOUND)
    return job


def _list(request: Request, bearer: Bearer, loaded: Loaded, *, is_page: bool) -> Response:
    wanted = listing.wanted(request)
    # One more tells whether there is a next page.
    found = jobs.connect().page(bearer.user, wanted.states, wanted.text, wanted.after, wanted.limit + 1)
    page, more = found[: wanted.limit], found[wanted.limit :]
    every = [shown.job(job, loaded) for job in page]
    older = listing.following(wanted, page[-1]) if more else None
    if is_page:
        return plain.listed(request, bearer, every, older, loaded[Periods].upload_max_bytes)
    headers = {"Link": f'<{links.to(loaded[Links].public_url, "jobs", **older)}>; rel="next"'} if older else {}
    return web.answer({"jobs": every}, headers=headers)

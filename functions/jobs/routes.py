"""Routes: which job a request is about, and what is to be done, by its path or its query."""

from __future__ import annotations

from typing import NamedTuple

from flask import Request

from functions.common import errors, web
from functions.common.errors import Failure

LIST, SHOW, DELETE, RETRY, MAIL, LINK, REVOKE = "list", "show", "delete", "retry", "mail", "link", "revoke"
EVENTS, WEBHOOK = "events", "webhook"
OPENAPI, PICTURE = "openapi", "picture"
FIXED = {OPENAPI: f"{OPENAPI}.json", PICTURE: f"{PICTURE}.png"}  # the paths of what is the same for everyone
FEED, END_FEED, PODCAST = "feed", "end_feed", "podcast"
OF_FEEDS = frozenset({FEED, END_FEED, PODCAST})
ROUTING = frozenset({"id", "do", EVENTS, FEED})  # the parameters of a query that are read here

_READ = {"GET": SHOW, "HEAD": SHOW}
# What each method does at an address. Clients that send only GET and POST, or reach only `/`, name the action instead.
_AT = {
    "": _READ | {"DELETE": DELETE},
    RETRY: {"POST": RETRY},
    MAIL: {"POST": MAIL},
    WEBHOOK: {"POST": WEBHOOK},
    LINK: {"POST": LINK, "DELETE": REVOKE},
    DELETE: {"POST": DELETE},
    REVOKE: {"POST": REVOKE},
    EVENTS: {"GET": EVENTS, "HEAD": EVENTS},
}
_OF_ALL = {"": {"GET": LIST, "HEAD": LIST}, EVENTS: _AT[EVENTS]}
_OF_FEED = {"POST": FEED, "DELETE": END_FEED}
_OF_PODCAST = {"GET": PODCAST, "HEAD": PODCAST}


class Route(NamedTuple):
    """The text that should be a job's id, None for all jobs, what each method does there, and the secret of a feed."""

    job_id: str | None
    methods: dict[str, str]
    secret: str = ""


def of(request: Request) -> Route:
    """Return the route of a request. Raises Failure: NOT_FOUND for a path that there is not, or INVALID_PARAMETER."""
    query = web.query(request)
    parts = [part for part in request.path.split("/") if part]
    if len(parts) > 2:
        raise Failure(errors.NOT_FOUND)
    for name, path in FIXED.items():
        if parts == [path] or (not parts and name in query):
            return Route(None, {"GET": name, "HEAD": name})
    if parts == [EVENTS]:
        return Route(None, _OF_ALL[EVENTS])
    if parts[:1] == [FEED]:
        secret = "".join(parts[1:])
        return Route(None, _OF_PODCAST if secret else _OF_FEED, secret)
    if not parts and FEED in query:  # `feed=1` too, for clients that send no empty value
        return Route(None, _OF_FEED | (_OF_PODCAST if query[FEED] else {}), query[FEED])
    job_id = parts[0] if parts else query.get("id")
    if len(parts) == 2:
        if parts[1] not in _AT:
            raise Failure(errors.NOT_FOUND)
        return Route(job_id, _AT[parts[1]])
    action = query.get("do", EVENTS if EVENTS in query else "")
    if action not in _AT:
        raise Failure(errors.INVALID_PARAMETER, field="do", allowed=f"one of {', '.join(filter(None, _AT))}")
    if job_id is None:
        if action not in _OF_ALL:
            raise Failure(errors.INVALID_PARAMETER, field="id", allowed="the id of a job")
        return Route(None, _OF_ALL[action])
    return Route(job_id, _AT[action])

"""The feed: who has its secret gets the user's podcast, without a token."""

from __future__ import annotations

import hashlib

from flask import Request, Response

from functions.backends import feeds, jobs, valid_keys
from functions.common import access, conditions, errors, links, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Links, SignedLinks
from functions.jobs import podcast, routes

_MOST_ITEMS = 100
_HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex"}


def answer(action: str, request: Request, text: str, loaded: Loaded) -> Response:
    """Give the bearer's feed a new address, which is shown this once, or end it; or answer with the podcast."""
    if action == routes.PODCAST:
        return _podcast(request, text, loaded)
    user = web.caller(request, loaded, valid_keys.verify).user
    if action == routes.END_FEED:
        feeds.connect().end(user)
        return web.nothing()
    secret, text = links.new_feed(loaded[SignedLinks])
    feeds.connect().replace(user, secret)
    return web.answer({"url": _address(text, loaded)}, 201)


def _podcast(request: Request, text: str, loaded: Loaded) -> Response:
    """Answer with the podcast that a secret opens; 304 if the client has it already."""
    feed = feeds.connect().find(links.read_feed(text, loaded[SignedLinks]))
    if feed is None:
        raise Failure(errors.NOT_FOUND)
    access.about(user=feed.user)
    web.transfer(feed.user)
    body = podcast.rss(jobs.connect().with_mp3(feed.user, _MOST_ITEMS), _address(text, loaded), loaded)
    etag = hashlib.sha256(body).hexdigest()[:32]
    # What was deleted leaves no date, so the time of the last change is remembered.
    changed_at = feed.changed_at if feed.etag == etag else feeds.connect().changed(feed, etag)
    known = conditions.is_known(request, etag, changed_at)
    response = Response(status=304) if known else Response(body, content_type="application/rss+xml; charset=utf-8")
    response.headers.update(_HEADERS)
    response.set_etag(etag)
    response.last_modified = changed_at
    return response


def _address(text: str, loaded: Loaded) -> str:
    return links.to(loaded[Links].public_url, "jobs", f"{routes.FEED}/{text}")

"""Following: answer with a stream of events about one job or all, which the watcher goes on with."""

from __future__ import annotations

from functools import cache, partial

from flask import Request, Response

from functions.backends import jobs
from functions.backends.jobs import Jobs
from functions.common import access, shutdown, streams, web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.settings import Mongo
from functions.common.streams import Stream
from functions.common.values import Document
from functions.jobs import events
from functions.jobs.events import Seen
from functions.jobs.watcher import Listener, Watcher

MOST_AT_ONCE = 500  # changes that a client is told that comes back
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Accel-Buffering": "no"}


def answer(request: Request, bearer: Bearer, job: Document | None, loaded: Loaded) -> Response:
    """Answer with what has changed since the Last-Event-ID, and hand the rest of the response to the watcher.

    204 tells a browser that nothing will follow, so that it does not come back.
    """
    seen = events.seen(request.headers.get("Last-Event-ID"))
    if request.method == "HEAD":
        return _response(b"")
    documents, watcher = jobs.connect(), _watcher(loaded)
    watcher.take_place(bearer.user)
    try:
        listener, begun, ended = _begun(watcher, bearer.user, job, seen, documents, loaded)
        if ended or not streams.hand_over(request, partial(_go_on, watcher, listener, len(begun))):
            watcher.give_back(bearer.user)
            return _response(begun) if begun else web.nothing()
    except BaseException:
        watcher.give_back(bearer.user)
        raise
    access.log_later(partial(setattr, listener, "log"))
    return _response(begun)


def _begun(
    watcher: Watcher, owner: str, job: Document | None, seen: Seen | None, documents: Jobs, loaded: Loaded
) -> tuple[Listener, bytes, bool]:
    """Return a listener, what it is told at once, and whether that is all."""
    now = documents.after(0)
    if job is not None:
        listener = Listener(owner, job["_id"], watcher.begin(now))
        listener.known[job["_id"]] = job["updated_at"]
        is_known = seen is not None and seen == Seen(job["updated_at"], job["_id"])
        if is_known and events.is_last(job):
            return listener, b"", True
        return listener, events.beginning(now) + (b"" if is_known else events.of(job, loaded)), events.is_last(job)
    since = watcher.begin(min(seen.at, now)) if seen else watcher.begin(now)
    listener = Listener(owner, None, since)
    if seen is None:
        return listener, events.beginning(now), False
    changed = documents.changed(owner, since, MOST_AT_ONCE + 1)
    listener.since = watcher.begin(now)
    if len(changed) > MOST_AT_ONCE:
        return listener, events.beginning(now) + events.reload(now), False
    listener.known = {each["_id"]: each["updated_at"] for each in changed}
    new = (each for each in changed if Seen(each["updated_at"], each["_id"]) != seen)
    return listener, events.beginning(seen.at) + b"".join(events.of(each, loaded) for each in new), False


def _go_on(watcher: Watcher, listener: Listener, sent: int, stream: Stream) -> None:
    listener.sent = sent
    watcher.add(listener, stream)


def _response(begun: bytes) -> Response:
    # Not a list: a response whose end is known would have a length.
    return Response(iter([begun]), headers=_HEADERS, content_type="text/event-stream")


@cache
def _watcher(loaded: Loaded) -> Watcher:
    return Watcher(jobs.connect(), loaded[Mongo].timeout, partial(events.of, loaded=loaded), shutdown.requested)

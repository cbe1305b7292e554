"""Events: what a stream says about jobs, in the form of text/event-stream (HTML standard, section 9.2)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, NamedTuple

from functions.common import ids, shown, states, transitions
from functions.common.config import Loaded
from functions.common.values import Document
from functions.jobs.listing import milliseconds, moment

RETRY_MILLISECONDS = 2000
COMMENT = b": still here\n\n"
_ENDED = (transitions.DONE, transitions.FAILED)
_ID = re.compile(r"(\d{1,14})(?:\.(.+))?")


class Seen(NamedTuple):
    """What a client has seen last: the time of a change, and of which job; None if only the time is known."""

    at: datetime
    job_id: str | None


def seen(last_event_id: str | None) -> Seen | None:
    """Return what a Last-Event-ID names; None if it is none of ours."""
    found = _ID.fullmatch(last_event_id or "")
    if not found or not (found[2] is None or ids.is_id(found[2])):
        return None
    return Seen(moment(int(found[1])), found[2])


def beginning(now: datetime) -> bytes:
    """Return what a stream begins with: when to come back, and an id that a client without events comes back with."""
    return b"retry: %d\nid: %d\n\n" % (RETRY_MILLISECONDS, milliseconds(now))


def of(job: Document, loaded: Loaded) -> bytes:
    """Return the event that says how a job is now, or that there is none any more."""
    if job["state"] not in states.INTERNAL.values():
        return _event("deleted", job, {"id": job["_id"]})
    return _event("", job, shown.job(job, loaded))


def reload(now: datetime) -> bytes:
    """Return the event that says that more was changed than a stream tells."""
    return b"event: reload\nid: %d\ndata: {}\n\n" % milliseconds(now)


def is_last(job: Document) -> bool:
    """Return whether nothing follows the event of this job that somebody follows alone."""
    return job["state"] in _ENDED or job["state"] not in states.INTERNAL.values()


def _event(kind: str, job: Document, data: Any) -> bytes:
    name = f"event: {kind}\n" if kind else ""
    version = f"{milliseconds(job['updated_at'])}.{job['_id']}"
    return f"{name}id: {version}\ndata: {json.dumps(data)}\n\n".encode()

"""The step: read the event, connect to the backends, and send the mail."""

from __future__ import annotations

from functools import partial

from flask import Request

from functions.backends import jobs, mail
from functions.common import access, events, shutdown, trace, web
from functions.common.settings import Links, SignedLinks
from functions.notify import mailing, messages


def run(request: Request, links: Links, signed: SignedLinks) -> str:
    """Send the mail of the job of the event in the request; return the job's id."""
    hint = events.decode(dict(request.headers), web.small_body(request), events.MP3_READY, events.CONVERSION_FAILED)
    trace.follow(hint.traceparent)
    access.about(job=hint.job_id)
    mailer = mail.connect()
    mailing.run(
        hint.job_id,
        jobs=jobs.connect(),
        mailer=mailer,
        token=mailing.new_token(),
        stopping=shutdown.requested,
        compose=partial(messages.compose, sender=mailer.sender, links_to=links, signed=signed),
    )
    return hint.job_id

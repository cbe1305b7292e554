"""notify: an `mp3.ready` or `conversion.failed` event in, one mail out (functions/README.md, The steps)."""

from __future__ import annotations

from functools import partial

import functions_framework
from flask import Request, Response

from functions.common import config, shutdown, trace, web
from functions.common.settings import Links, Mongo, Periods, Relay, SignedLinks

_LINKS = config.load(Links)
_SIGNED = config.load(SignedLinks)
config.load(Periods)
config.load(Mongo)
config.load(Relay)


@functions_framework.http
def notify(request: Request) -> Response:
    """Mail the owner of the job that the event names; answer 200 when that is done or written down for later."""
    web.allow(request, "POST")
    # The drivers load with the first event, not with the process.
    from functions.backends import jobs, mail
    from functions.common import events
    from functions.notify import letters, mailing

    hint = events.decode(dict(request.headers), web.small_body(request), events.MP3_READY, events.CONVERSION_FAILED)
    trace.follow(hint.traceparent)
    mailer = mail.connect()
    mailing.run(
        hint.job_id,
        jobs=jobs.connect(),
        mailer=mailer,
        token=mailing.new_token(),
        stopping=shutdown.requested,
        compose=partial(letters.compose, sender=mailer.sender, links_to=_LINKS, signed=_SIGNED),
    )
    return web.answer({"id": hint.job_id})

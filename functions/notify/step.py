"""The step: read the event, connect to the backends, and send the mail and the webhook."""

from __future__ import annotations

from email.message import EmailMessage
from functools import partial

from flask import Request

from functions.backends import jobs, mail, recipients
from functions.common import access, events, links, shutdown, trace, web
from functions.common.settings import Links, SignedLinks
from functions.common.values import Document
from functions.notify import mailing, messages, posting
from functions.notify.posting import Outcome


def run(request: Request, links_to: Links, signed: SignedLinks) -> str:
    """Send the mail and the webhook of the job of the event in the request; return the job's id."""
    hint = events.decode(dict(request.headers), web.small_body(request), events.MP3_READY, events.CONVERSION_FAILED)
    trace.follow(hint.traceparent)
    access.about(job=hint.job_id)
    mailer, people, documents = mail.connect(), recipients.connect(), jobs.connect()
    mailing.run(
        hint.job_id,
        jobs=documents,
        mailer=mailer,
        token=mailing.new_token(),
        stopping=shutdown.requested,
        wanted=people.want if people else _everybody,
        # Without the database, nobody could stop mails.
        compose=partial(
            _compose if people else messages.compose, sender=mailer.sender, links_to=links_to, signed=signed
        ),
    )
    posting.run(
        hint.job_id,
        jobs=documents,
        address=recipients.address_of,
        send=partial(_send, links_to=links_to, signed=signed),
        token=mailing.new_token(),
        stopping=shutdown.requested,
    )
    return hint.job_id


def _everybody(_user: str) -> bool:
    return True


def _compose(job: Document, *, sender: str, links_to: Links, signed: SignedLinks) -> EmailMessage:
    stop = links.to(links_to.public_url, "login", "mails", u=links.sign_unsubscribe(job["owner"], signed))
    return messages.compose(job, sender=sender, links_to=links_to, signed=signed, unsubscribe=stop)


def _send(job: Document, url: str, *, links_to: Links, signed: SignedLinks) -> Outcome:
    # Most jobs have none: the client's library and the one that signs load with the first.
    from functions.notify import webhook

    return webhook.send(job, url, links_to=links_to, signed=signed)

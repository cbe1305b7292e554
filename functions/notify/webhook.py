"""The webhook about an ended job: a CloudEvent in structured mode, signed as Standard Webhooks 1.0 wants it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cloudevents.conversion import to_json
from cloudevents.http import CloudEvent
from standardwebhooks import Webhook

from functions.backends import webhooks as receivers
from functions.common import events, links, shown, webhooks
from functions.common.settings import Links, SignedLinks
from functions.common.values import Document
from functions.notify import posting
from functions.notify.patience import Patience
from functions.notify.posting import Outcome

_USER_AGENT = "mp3converter"
_CAUSE_MOST_CHARACTERS = 200
_PATIENCE = Patience()


class Message(NamedTuple):
    """A webhook as it is sent."""

    headers: dict[str, str]
    body: bytes


def send(job: Document, url: str, *, links_to: Links, signed: SignedLinks) -> Outcome:
    """Send the webhook about an ended job to this address; return what came of it."""
    if _PATIENCE.is_lost(job["owner"]):
        return Outcome(posting.UNANSWERED, "not tried: another one of this user took too long")
    began = time.monotonic()
    outcome = _send(url, compose(job, links_to=links_to, signed=signed))
    if not outcome.accepted:
        _PATIENCE.spend(job["owner"], time.monotonic() - began)
    return outcome


def _send(url: str, message: Message) -> Outcome:
    try:
        return Outcome(receivers.connect().post(url, message.headers, message.body))
    except receivers.Forbidden as error:
        return Outcome(posting.FORBIDDEN, _cause(error))
    except receivers.Unanswered as error:
        return Outcome(posting.UNANSWERED, _cause(error))


def compose(job: Document, *, links_to: Links, signed: SignedLinks) -> Message:
    """Return the webhook that tells how the job ended, with a link to its MP3, signed with its owner's secret."""
    body = to_json(_event(job, links_to, signed))
    now = datetime.now(UTC)
    signature = Webhook(webhooks.secret(job["owner"], signed)).sign(message_id(job), now, body.decode())
    headers = {
        "Content-Type": events.STRUCTURED,
        "User-Agent": _USER_AGENT,
        "webhook-id": message_id(job),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    return Message(headers, body)


def message_id(job: Document) -> str:
    """Return the id that every webhook about this end of the job has, so that two copies can be recognised."""
    return f"{job['_id']}.{job['epoch']}"


def _cause(error: Exception) -> str:
    return repr(error.__cause__ or error)[:_CAUSE_MOST_CHARACTERS]  # it may quote what the receiver sent


def _event(job: Document, links_to: Links, signed: SignedLinks) -> CloudEvent:
    inside = events.of(job)
    attributes = {name: value for name, value in inside.get_attributes().items() if name not in ("id", "time")}
    return CloudEvent(attributes | {"id": message_id(job)}, _public(job, links_to, signed))


def _public(job: Document, links_to: Links, signed: SignedLinks) -> dict[str, Any]:
    """Return the job as answers show it to its owner, with a download that needs no token."""
    found = shown.job(job, {Links: links_to, SignedLinks: signed})
    # Both are on their way, so it would say nothing.
    del found["mail"]
    found.pop("webhook", None)
    if "download" in found["links"]:
        link = links.sign(job["_id"], job.get("link_version", 0), signed)
        found["links"]["download"] = links.to(links_to.public_url, "download", link=link)
    return found

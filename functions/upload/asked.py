"""What an upload asks for beside its video: the options of the sound, and a webhook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from functions.common import options, transitions, webhooks
from functions.common.settings import WebhookTargets
from functions.common.values import Document

NO_WEBHOOK = ""


class Asked(NamedTuple):
    """The options as a job document stores them, and the address of the webhook.

    NO_WEBHOOK if the job shall have none; None if nothing was said, so that the one of the account counts.
    """

    options: dict[str, Any]
    webhook: str | None

    def to_document(self) -> Document:
        """Return the options and the webhook as a job document stores them."""
        new = {"state": transitions.NONE, "attempts": 0}
        if self.webhook is None:
            return {"options": self.options, "webhook": new}
        return {"options": self.options, "webhook": {"url": self.webhook} | new if self.webhook else None}


def read(given: Iterable[tuple[str, str]], targets: WebhookTargets) -> Asked:
    """Return what the fields of a form or query ask for. Raises Failure(INVALID_OPTION).

    Empty values are ignored, but an empty webhook alone asks for none.
    """
    fields = list(given)
    sound = options.parse([pair for pair in fields if pair[0] != options.WEBHOOK], beside=[options.WEBHOOK])
    said = [value for name, value in fields if name == options.WEBHOOK]
    urls = [value for value in said if value]
    if len(urls) > 1:
        raise options.refusal(options.WEBHOOK, options.ONCE)
    if not urls:
        return Asked(sound.to_document(), NO_WEBHOOK if said else None)
    return Asked(sound.to_document(), _checked(urls[0], targets))


def _checked(url: str, targets: WebhookTargets) -> str:
    try:
        webhooks.read(url, targets)
    except ValueError:
        raise options.refusal(options.WEBHOOK, webhooks.allowed(targets)) from None
    return url

"""What an upload asks for beside its video: the options of the sound, and a webhook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from functions.common import options, webhooks
from functions.common.settings import WebhookTargets


class Asked(NamedTuple):
    """The options as a job document stores them, and the address of the webhook, if one was given."""

    options: dict[str, Any]
    webhook: str | None


def read(given: Iterable[tuple[str, str]], targets: WebhookTargets) -> Asked:
    """Return what the fields of a form or query ask for; empty values are ignored. Raises Failure(INVALID_OPTION)."""
    fields = list(given)
    sound = options.parse(pair for pair in fields if pair[0] != options.WEBHOOK)
    urls = [value for name, value in fields if name == options.WEBHOOK and value]
    if len(urls) > 1:
        raise options.refusal(options.WEBHOOK, options.ONCE)
    return Asked(sound.to_document(), _checked(urls[0], targets) if urls else None)


def _checked(url: str, targets: WebhookTargets) -> str:
    try:
        webhooks.read(url, targets)
    except ValueError:
        raise options.refusal(options.WEBHOOK, webhooks.allowed(targets)) from None
    return url

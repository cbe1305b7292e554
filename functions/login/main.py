"""login: answer an e-mail address and password with a token (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config
from functions.common.settings import (
    Database,
    Links,
    MaybeMongo,
    Periods,
    Quotas,
    Registering,
    Relay,
    SignedLinks,
    Signing,
    Throttling,
    WebhookTargets,
)

SETTINGS = (
    Signing,
    Database,
    Registering,
    Throttling,
    Links,
    SignedLinks,
    Relay,
    MaybeMongo,
    Periods,
    Quotas,
    WebhookTargets,
)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def login(request: Request) -> Response:
    """Answer `/` with a token; other paths are for keys, users and accounts (functions/login/step.py)."""
    # The drivers load with the first request, not with the process, to keep the cold start short.
    from functions.login import step

    return step.answer(request, _LOADED)

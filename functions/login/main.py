"""login: answer an e-mail address and password with a token (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config
from functions.common.settings import Database, Signing

SETTINGS = (Signing, Database)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def login(request: Request) -> Response:
    """Answer `/` with a token, `/keys` with the public keys; `/users` adds users, `/password` changes a password."""
    # The drivers load with the first request, not with the process, to keep the cold start short.
    from functions.login import step

    return step.answer(request, _LOADED[Signing])

"""The account over HTTP: what it is and uses, what signs its webhooks, whether it gets mails, and its end."""

from __future__ import annotations

from flask import Request, Response

from functions.backends import api_keys, users
from functions.backends.users import User
from functions.common import errors, web, webhooks
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import MaybeMongo, Quotas, SignedLinks, Signing
from functions.login import credentials


def answer(request: Request, loaded: Loaded) -> Response:
    """Show the account, turn its mails on or off, or close it."""
    web.allow(request, "GET", "HEAD", "PATCH", "DELETE")
    user = credentials.authenticated(request)
    if request.method == "PATCH":
        return _change(request, user, loaded)
    if request.method == "DELETE":
        users.connect().close(user.id, loaded[Signing].token_ttl)
        return web.nothing()
    return web.answer(_shown(user, loaded))


def _change(request: Request, user: User, loaded: Loaded) -> Response:
    """Change what a JSON merge patch names (RFC 7396)."""
    wanted = credentials.fields(request)
    if wanted.keys() != {"mails"} or not isinstance(wanted["mails"], bool):
        raise Failure(errors.BAD_REQUEST)
    users.connect().set_mails(user.id, wanted["mails"])
    return web.answer(_shown(user, loaded) | {"mails": wanted["mails"]})


def _shown(user: User, loaded: Loaded) -> dict[str, object]:
    created = f"{user.created_at:%Y-%m-%dT%H:%M:%SZ}" if user.created_at else None
    return {
        "id": str(user.id),
        "email": user.email,
        "created": created,
        "mails": user.mails,
        "keys": len(api_keys.connect().of(user.id)),
        "quota": _quota(user, loaded),
        "webhook_secret": webhooks.secret(str(user.id), loaded[SignedLinks]),
    }


def _quota(user: User, loaded: Loaded) -> object:
    if not loaded[MaybeMongo].url:
        return None
    # Nothing else in login needs MongoDB's driver.
    from functions.login import quota

    return quota.used(str(user.id), loaded[Quotas])

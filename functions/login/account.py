"""The account over HTTP: what it is and uses, how it is told about conversions, and its end."""

from __future__ import annotations

from dataclasses import replace

from flask import Request, Response

from functions.backends import api_keys, users
from functions.backends.users import Told, User
from functions.common import errors, web, webhooks
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import MaybeMongo, Quotas, SignedLinks, Signing, WebhookTargets
from functions.login import credentials


def answer(request: Request, loaded: Loaded) -> Response:
    """Show the account, change how it is told about conversions, or close it."""
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
    wanted: dict[str, object] = {**credentials.fields(request)}
    if not wanted or wanted.keys() - {"mails", "webhook"}:
        raise Failure(errors.BAD_REQUEST)
    told = Told()
    if "mails" in wanted:
        told["mails"] = _mails(wanted["mails"])
    if "webhook" in wanted:
        told["webhook"] = _webhook(wanted["webhook"], loaded[WebhookTargets])
    users.connect().set_told(user.id, told)
    return web.answer(_shown(replace(user, **told), loaded))


def _mails(given: object) -> bool:
    if not isinstance(given, bool):
        raise Failure(errors.BAD_REQUEST)
    return given


def _webhook(given: object, targets: WebhookTargets) -> str | None:
    """Check the address as upload does. Raises Failure(INVALID_PARAMETER)."""
    if given is None:
        return None
    try:
        webhooks.read(given if isinstance(given, str) else "", targets)
    except ValueError:
        raise Failure(errors.INVALID_PARAMETER, field="webhook", allowed=webhooks.allowed(targets)) from None
    return str(given)


def _shown(user: User, loaded: Loaded) -> dict[str, object]:
    created = f"{user.created_at:%Y-%m-%dT%H:%M:%SZ}" if user.created_at else None
    return {
        "id": str(user.id),
        "email": user.email,
        "created": created,
        "mails": user.mails,
        "webhook": user.webhook,
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

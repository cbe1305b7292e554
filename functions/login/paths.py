"""The paths of accounts: each with what answers it."""

from __future__ import annotations

from flask import Request, Response

from functions.backends import users
from functions.common import access, errors, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Signing
from functions.login import account, changes, credentials, forms, keys, sessions, signup


def answer(path: str, request: Request, loaded: Loaded) -> Response:
    """Answer a request at this path. Raises Failure(NOT_FOUND) if there is none."""
    if path.startswith("keys/"):
        return keys.revoke(request, path.removeprefix("keys/"))
    found = _PATHS.get(path)
    if found is None:
        raise Failure(errors.NOT_FOUND)
    return found(request, loaded)


def _add_user(request: Request, loaded: Loaded) -> Response:
    web.allow(request, "POST")
    token = loaded[Signing].signup_token
    if not token or not web.is_bearer(request, token):
        raise web.challenge(errors.UNAUTHORIZED, "Bearer")
    wanted = credentials.fields(request, "email", "password")
    user = changes.add(users.connect(), wanted["email"], wanted["password"])
    access.about(user=str(user.id))
    return web.answer({"id": str(user.id), "email": user.email}, 201)


def _change_password(request: Request, _: Loaded) -> Response:
    web.allow(request, "PUT")
    user = credentials.authenticated(request)
    wanted = credentials.fields(request, "password")
    with credentials.challenging(request):
        changes.change_password(users.connect(), user, wanted["password"])
    return web.nothing()


_PATHS = {
    "users": _add_user,
    "password": _change_password,
    "account": account.answer,
    "keys": lambda request, _: keys.answer(request),
    "session": sessions.answer,
    "session/begin": forms.begin,
    "session/end": forms.end,
    "register": signup.register,
    "confirm": signup.confirm,
    "recover": signup.recover,
    "reset": signup.reset,
    "mails": signup.mails,
}

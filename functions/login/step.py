"""The step: what login answers at each path."""

from __future__ import annotations

from functools import lru_cache

from flask import Request, Response

from functions.backends import users
from functions.common import access, errors, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Signing
from functions.common.tokens import Bearer, Signer
from functions.login import account, accounts, credentials

_SIGNUP = ("register", "confirm", "recover", "reset", "mails")


def answer(request: Request, loaded: Loaded) -> Response:
    """Answer a request according to its path."""
    paths = {"": _log_in, "keys": _keys, "users": _add_user, "password": _change_password, "account": account.answer}
    path = request.path.strip("/")
    if path in _SIGNUP:
        from functions.login import signup  # what letters need takes long to load, and logins do not need it

        return signup.PATHS[path](request, loaded)
    if path not in paths:
        raise Failure(errors.NOT_FOUND)
    return paths[path](request, loaded)


def _log_in(request: Request, loaded: Loaded) -> Response:
    web.allow(request, "POST")
    user = credentials.authenticated(request)
    token = _signer(loaded[Signing]).sign(Bearer(str(user.id), user.email))
    if request.accept_mimetypes.best_match(["text/plain", "application/json"], "text/plain") == "application/json":
        return web.answer({"token": token, "token_type": "Bearer", "expires_in": loaded[Signing].token_ttl})
    return web.text(token)


def _keys(request: Request, loaded: Loaded) -> Response:
    web.allow(request, "GET", "HEAD")
    response = web.answer(_signer(loaded[Signing]).key_set, headers={"Cache-Control": "public, max-age=300"})
    response.content_type = "application/jwk-set+json"
    return response


def _add_user(request: Request, loaded: Loaded) -> Response:
    web.allow(request, "POST")
    token = loaded[Signing].signup_token
    if not token or not web.is_bearer(request, token):
        raise web.challenge(errors.UNAUTHORIZED, "Bearer")
    wanted = credentials.fields(request, "email", "password")
    user = accounts.add(users.connect(), wanted["email"], wanted["password"])
    access.about(user=str(user.id))
    return web.answer({"id": str(user.id), "email": user.email}, 201)


def _change_password(request: Request, _: Loaded) -> Response:
    web.allow(request, "PUT")
    user = credentials.authenticated(request)
    wanted = credentials.fields(request, "password")
    with credentials.challenging():
        accounts.change_password(users.connect(), user, wanted["password"])
    return Response(status=204)


@lru_cache(maxsize=1)  # no former private key stays in memory
def _signer(signing: Signing) -> Signer:
    return Signer(signing.private_key, signing.token_ttl, signing.previous_keys)

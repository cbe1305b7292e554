"""The step: log in, publish the keys, add users and change passwords."""

from __future__ import annotations

from functools import cache

from flask import Request, Response

from functions.backends import users
from functions.common import access, errors, web
from functions.common.errors import Failure
from functions.common.settings import Signing
from functions.common.tokens import Bearer, Signer
from functions.login import accounts, credentials


def answer(request: Request, signing: Signing) -> Response:
    """Answer a request according to its path."""
    paths = {"": _log_in, "keys": _keys, "users": _add_user, "password": _change_password}
    found = paths.get(request.path.strip("/"))
    if found is None:
        raise Failure(errors.NOT_FOUND)
    return found(request, signing)


def _log_in(request: Request, signing: Signing) -> Response:
    web.allow(request, "POST")
    user = credentials.authenticated(request)
    token = _signer(signing).sign(Bearer(str(user.id), user.email))
    if request.accept_mimetypes.best_match(["text/plain", "application/json"], "text/plain") == "application/json":
        return web.answer({"token": token, "token_type": "Bearer", "expires_in": signing.token_ttl})
    return web.text(token)


def _keys(request: Request, signing: Signing) -> Response:
    web.allow(request, "GET", "HEAD")
    response = web.answer(_signer(signing).key_set, headers={"Cache-Control": "public, max-age=300"})
    response.content_type = "application/jwk-set+json"
    return response


def _add_user(request: Request, signing: Signing) -> Response:
    web.allow(request, "POST")
    if not signing.signup_token or not web.is_bearer(request, signing.signup_token):
        raise web.challenge(errors.UNAUTHORIZED, "Bearer")
    wanted = credentials.fields(request, "email", "password")
    user = accounts.add(users.connect(), wanted["email"], wanted["password"])
    access.about(user=str(user.id))
    return web.answer({"id": str(user.id), "email": user.email}, 201)


def _change_password(request: Request, _: Signing) -> Response:
    web.allow(request, "PUT")
    user = credentials.authenticated(request)
    wanted = credentials.fields(request, "password")
    with credentials.challenging():
        accounts.change_password(users.connect(), user, wanted["password"])
    return Response(status=204)


@cache
def _signer(signing: Signing) -> Signer:
    return Signer(signing.private_key, signing.token_ttl, signing.previous_keys)

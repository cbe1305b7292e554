"""login: an e-mail address and a password in, a token out (functions/README.md, The steps)."""

from __future__ import annotations

import hmac
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import functions_framework
from flask import Request, Response

from functions.common import config, errors, web
from functions.common.errors import Failure
from functions.common.settings import Database, Signing

if TYPE_CHECKING:
    from functions.common.tokens import Signer

_SIGNING = config.load(Signing)
config.load(Database)


@functions_framework.http
def login(request: Request) -> Response:
    """Answer `/` with a token, `/keys` with the public keys; add users at `/users`, change one's `/password`."""
    edges = {"": _log_in, "keys": _keys, "users": _add_user, "password": _change_password}
    edge = edges.get(request.path.strip("/"))
    if edge is None:
        raise Failure(errors.NOT_FOUND)
    return edge(request)


def _log_in(request: Request) -> Response:
    web.allow(request, "POST")
    user = _authenticated(request)
    from functions.common.tokens import Bearer

    token = _signer().sign(Bearer(str(user.id), user.email))
    if request.accept_mimetypes.best_match(["text/plain", "application/json"], "text/plain") == "application/json":
        return web.answer({"token": token, "token_type": "Bearer", "expires_in": _SIGNING.token_ttl})
    return web.text(token)


def _keys(request: Request) -> Response:
    web.allow(request, "GET", "HEAD")
    response = web.answer(_signer().key_set, headers={"Cache-Control": "public, max-age=300"})
    response.content_type = "application/jwk-set+json"
    return response


def _add_user(request: Request) -> Response:
    web.allow(request, "POST")
    offered = request.headers.get("Authorization", "").encode()
    expected = f"Bearer {_SIGNING.signup_token}".encode()
    if not _SIGNING.signup_token or not hmac.compare_digest(offered, expected):
        raise web.challenge(errors.UNAUTHORIZED, "Bearer")
    wanted = _fields(request, "email", "password")
    from functions.backends import users
    from functions.login import accounts

    user = accounts.add(users.connect(), wanted["email"], wanted["password"])
    return web.answer({"id": str(user.id), "email": user.email}, 201)


def _change_password(request: Request) -> Response:
    web.allow(request, "PUT")
    user = _authenticated(request)
    wanted = _fields(request, "password")
    from functions.backends import users
    from functions.login import accounts

    accounts.change_password(users.connect(), user, wanted["password"])
    return Response(status=204)


def _authenticated(request: Request) -> Any:
    given = request.authorization
    if given is None or given.type != "basic" or not given.username or given.password is None:
        raise web.challenge(errors.UNAUTHORIZED, "Basic", ', charset="UTF-8"')
    # The drivers load with the first login, not with the process.
    from functions.backends import users
    from functions.login import accounts

    try:
        return accounts.check(users.connect(), given.username, given.password)
    except Failure as failure:
        if failure.kind is not errors.WRONG_CREDENTIALS:
            raise
        raise web.challenge(failure.kind, "Basic", ', charset="UTF-8"') from None


def _fields(request: Request, *names: str) -> dict[str, str]:
    try:
        given = json.loads(web.small_body(request))
    except (ValueError, RecursionError) as error:
        raise Failure(errors.BAD_REQUEST) from error
    if not isinstance(given, dict) or not all(isinstance(given.get(name), str) for name in names):
        raise Failure(errors.BAD_REQUEST)
    return given


@cache
def _signer() -> Signer:
    from functions.common.tokens import Signer

    return Signer(_SIGNING.private_key, _SIGNING.token_ttl, _SIGNING.previous_keys)

"""The step: log in, publish the keys, add users and change passwords."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from flask import Request, Response

from functions.backends import users
from functions.common import access, errors, web
from functions.common.errors import Failure
from functions.common.settings import Signing
from functions.common.tokens import Bearer, Signer
from functions.login import accounts


def answer(request: Request, signing: Signing) -> Response:
    """Answer a request according to its path."""
    paths = {"": _log_in, "keys": _keys, "users": _add_user, "password": _change_password}
    found = paths.get(request.path.strip("/"))
    if found is None:
        raise Failure(errors.NOT_FOUND)
    return found(request, signing)


def _log_in(request: Request, signing: Signing) -> Response:
    web.allow(request, "POST")
    user = _authenticated(request)
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
    wanted = _fields(request, "email", "password")
    user = accounts.add(users.connect(), wanted["email"], wanted["password"])
    access.about(user=str(user.id))
    return web.answer({"id": str(user.id), "email": user.email}, 201)


def _change_password(request: Request, _: Signing) -> Response:
    web.allow(request, "PUT")
    user = _authenticated(request)
    wanted = _fields(request, "password")
    with _challenging():
        accounts.change_password(users.connect(), user, wanted["password"])
    return Response(status=204)


def _authenticated(request: Request) -> Any:
    given = web.basic(request)
    if given is None or not given[0]:
        raise web.challenge(errors.UNAUTHORIZED, "Basic", ', charset="UTF-8"')
    with _challenging():
        user = accounts.check(users.connect(), *given)
    access.about(user=str(user.id))
    return user


@contextmanager
def _challenging() -> Iterator[None]:
    """Turn Failure(WRONG_CREDENTIALS) into a challenge."""
    try:
        yield
    except Failure as failure:
        if failure.kind is not errors.WRONG_CREDENTIALS:
            raise
        raise web.challenge(failure.kind, "Basic", ', charset="UTF-8"') from None


def _fields(request: Request, *names: str) -> dict[str, str]:
    try:
        given = json.loads(web.small_body(request))
    except (ValueError, RecursionError) as error:
        raise Failure(errors.BAD_REQUEST) from error
    if not isinstance(given, dict) or not all(_is_text(given.get(name)) for name in names):
        raise Failure(errors.BAD_REQUEST)
    return given


def _is_text(value: object) -> bool:
    # JSON may contain a lone surrogate, which cannot be encoded in UTF-8 (RFC 8259 section 8.2).
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value


@cache
def _signer(signing: Signing) -> Signer:
    return Signer(signing.private_key, signing.token_ttl, signing.previous_keys)

"""API keys over HTTP: a person with a password makes, lists and revokes keys, which programs use like tokens."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask import Request, Response

from functions.backends import api_keys
from functions.backends.api_keys import ApiKey
from functions.backends.users import User
from functions.common import errors, keys, web
from functions.common.errors import Failure
from functions.login import credentials

_DAYS, _DAYS_MOST = 365, 3650
_NAME_MOST_CHARACTERS = 100
_KEYS_MOST = 50
_HINT_LENGTH = 4


def answer(request: Request) -> Response:
    """Make a key, which is shown this once, or list the valid ones."""
    web.allow(request, "GET", "HEAD", "POST")
    user = credentials.authenticated(request)
    if request.method == "POST":
        return _make(request, user)
    return web.answer({"keys": [_shown(key) for key in api_keys.connect().of(user.id)]})


def revoke(request: Request, key: str) -> Response:
    """Revoke a key; within a minute nothing takes it any more. Raises Failure(NOT_FOUND).

    A user revokes any of their own, a program with a key that one.
    """
    web.allow(request, "DELETE")
    number = int(key) if key.isascii() and key.isdecimal() and len(key) <= 18 else -1
    scheme, _, own = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        _revoke_itself(number, own.strip(" "))
    elif not api_keys.connect().revoke(credentials.authenticated(request).id, number):
        raise Failure(errors.NOT_FOUND)
    return web.nothing()


def _revoke_itself(number: int, key: str) -> None:
    if not keys.is_one(key) or not api_keys.connect().revoke_itself(number, keys.hashed(key)):
        raise web.challenge(errors.INVALID_TOKEN, "Bearer", ', error="invalid_token"')


def _make(request: Request, user: User) -> Response:
    name, days = _wanted(credentials.fields(request, "name"))
    key = keys.new()
    made = api_keys.connect().add(user.id, name, keys.hashed(key), key[-_HINT_LENGTH:], days, _KEYS_MOST)
    if made is None:
        raise Failure(errors.TOO_MANY_KEYS)
    return web.answer({"key": key} | _shown(made), 201)


def _wanted(given: dict[str, Any]) -> tuple[str, int]:
    name, days = given["name"].strip(), given.get("days", _DAYS)
    is_name = 0 < len(name) <= _NAME_MOST_CHARACTERS and not any(unicodedata.category(each)[0] == "C" for each in name)
    if not is_name or type(days) is not int or not 1 <= days <= _DAYS_MOST:
        raise Failure(errors.INVALID_KEY_FIELDS)
    return name, days


def _shown(key: ApiKey) -> dict[str, str]:
    created, expires = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (key.created_at, key.expires_at))
    return {"id": str(key.id), "name": key.name, "hint": key.hint, "created": created, "expires": expires}

"""Credentials: who a request comes from, and the fields it brings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Request

from functions.backends import users
from functions.backends.users import User
from functions.common import access, errors, web
from functions.common.errors import Failure, Kind
from functions.login import accounts, throttle


def authenticated(request: Request) -> User:
    """Return the user whose address and password the request brings. Raises a Failure with status 401, 403 or 429."""
    given = web.basic(request)
    if given is None or not given[0]:
        raise _challenge(request, errors.UNAUTHORIZED)
    with challenging(request):
        return checked(request, *given)


def checked(request: Request, address: str, password: str) -> User:
    """Return the user with this address and password. Raises a Failure with status 401, 403 or 429."""
    throttled = throttle.connect()
    client = throttled.address(request)
    user = throttled.attempt(address, client, lambda: accounts.check(users.connect(), address, password))
    access.about(user=str(user.id))
    return user


@contextmanager
def challenging(request: Request) -> Iterator[None]:
    """Turn Failure(WRONG_CREDENTIALS) into a challenge."""
    try:
        yield
    except Failure as failure:
        if failure.kind is not errors.WRONG_CREDENTIALS:
            raise
        raise _challenge(request, failure.kind) from None


def _challenge(request: Request, kind: Kind) -> Failure:
    # At a challenge for Basic, a browser asks for the password in a window of its own, before the page learns anything.
    if "X-Requested-With" in request.headers:
        return web.challenge(kind, "Session")
    return web.challenge(kind, "Basic", ', charset="UTF-8"')


def fields(request: Request, *names: str) -> dict[str, str]:
    """Return the JSON object in the body; these fields are texts. Raises Failure(BAD_REQUEST)."""
    given = web.json_object(web.small_body(request))
    if not all(_is_text(given.get(name)) for name in names):
        raise Failure(errors.BAD_REQUEST)
    return given


def _is_text(value: object) -> bool:
    # JSON may contain a lone surrogate, which cannot be encoded in UTF-8 (RFC 8259 section 8.2).
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value

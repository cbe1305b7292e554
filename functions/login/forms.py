"""Logging in and out by forms, for browsers without scripts; the sessions are those of sessions.py."""

from __future__ import annotations

from flask import Request, Response

from functions.common import errors, pages, session, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Links
from functions.login import credentials, sessions


def begin(request: Request, loaded: Loaded) -> Response:
    """Begin a session with the address and password in the body, and redirect to the user's files.

    The origin is checked first: another site could log a person in to the attacker's account.
    """
    web.allow(request, "POST")
    session.check_page(request, loaded[Links].public_url)
    given = web.form(request)
    if not given.get("email"):
        raise Failure(errors.UNAUTHORIZED)
    user = credentials.checked(request, given["email"], given.get("password", ""))
    response = pages.moved(request, "jobs/")
    sessions.begin(response, user, loaded)
    return response


def end(request: Request, loaded: Loaded) -> Response:
    """Clear the cookie, and redirect to the start page."""
    web.allow(request, "POST")
    session.check_page(request, loaded[Links].public_url)
    response = pages.moved(request, "page/")
    session.end(response, loaded[Links].public_url)
    return response

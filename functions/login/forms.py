"""Logging in and out by forms, for browsers without scripts; what a session is, sessions.py says."""

from __future__ import annotations

from flask import Request, Response

from functions.common import errors, pages, session, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Links
from functions.login import credentials, sessions


def begin(request: Request, loaded: Loaded) -> Response:
    """Begin a session with the address and password in the body, and lead to one's files.

    What the request may be is checked first: a page of others could log a person in as somebody else.
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
    """Let the browser forget the session, and lead to the start."""
    web.allow(request, "POST")
    session.check_page(request, loaded[Links].public_url)
    response = pages.moved(request, "page/")
    session.end(response, loaded[Links].public_url)
    return response

"""The sessions of the web page: one begins with a password, is renewed by its own cookie, and ends.

A session holds on to the password that it began with, so a new password ends all of them when they are to be renewed.
"""

from __future__ import annotations

import hmac
import json
import time

from flask import Request, Response

from functions.backends import users
from functions.backends.users import ACTIVE, DISABLED, User
from functions.common import access, errors, session, web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Links, SignedLinks, Signing
from functions.login import credentials
from functions.login.signing import signer

_LABEL = "mp3converter.session"
_LONGEST_SECONDS = 30 * 86_400  # so that a stolen cookie cannot be renewed forever


def answer(request: Request, loaded: Loaded) -> Response:
    """Begin or renew a session (POST), or end it (DELETE)."""
    web.allow(request, "POST", "DELETE")
    public_url = loaded[Links].public_url
    if request.method == "DELETE" or "Authorization" in request.headers:
        session.check_page(request, public_url)
    if request.method == "DELETE":
        response = web.nothing()
        session.end(response, public_url)
        return response
    given = None if "Authorization" in request.headers else session.token(request, public_url)
    if given is None:
        user, begun = credentials.authenticated(request), ""
    else:
        user, begun = _renewed(given, loaded[Signing], loaded[SignedLinks].link_secret)
    seconds = loaded[Signing].token_ttl
    response = web.answer({"email": user.email, "expires_in": seconds, "mails": user.mails})
    begin(response, user, loaded, begun)
    return response


def begin(response: Response, user: User, loaded: Loaded, begun: str = "") -> None:
    """Let the browser keep a session of a user that has begun then, or begins now."""
    seconds = loaded[Signing].token_ttl
    mark = _session(begun or str(int(time.time())), user, loaded[SignedLinks].link_secret)
    token = signer(loaded[Signing]).sign(Bearer(str(user.id), user.email, mark))
    session.begin(response, token, seconds, loaded[Links].public_url)


def _renewed(token: str, signing: Signing, secret: str) -> tuple[User, str]:
    """Return the user of a session that may go on, and when it began. Raises a Failure with status 401 or 403."""
    bearer = web.verifier(json.dumps(signer(signing).key_set)).verify(token)
    access.about(user=bearer.user)
    user = users.connect().get(int(bearer.user))
    begun = bearer.session.partition(".")[0]
    if user is None or user.state not in (ACTIVE, DISABLED) or bearer.session != _session(begun, user, secret):
        raise Failure(errors.INVALID_TOKEN)
    if int(begun) + _LONGEST_SECONDS <= time.time():
        raise Failure(errors.INVALID_TOKEN)
    if user.state == DISABLED:
        raise Failure(errors.ACCOUNT_DISABLED)
    return user, begun


def _session(begun: str, user: User, secret: str) -> str:
    mark = hmac.digest(secret.encode(), f"{_LABEL}\0{user.password}".encode(), "sha256")
    return f"{begun}.{mark.hex()}"

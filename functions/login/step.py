"""The step: what login answers at each path."""

from __future__ import annotations

from flask import Request, Response

from functions.common import web
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.settings import Signing
from functions.login import credentials
from functions.login.signing import signer


def answer(request: Request, loaded: Loaded) -> Response:
    """Answer a request according to its path."""
    path = "/".join(filter(None, request.path.split("/")))
    if path == "" and "session" not in web.query(request):
        return _log_in(request, loaded)
    # Keys of programs have their list where the public keys were first, and still are for who brings no password.
    if path == ".well-known/jwks.json" or (path == "keys" and _asks_for_public_keys(request)):
        return _public_keys(request, loaded)
    # Logins need nothing of this.
    from functions.login import paths

    return paths.answer(path or "session", request, loaded)


def _asks_for_public_keys(request: Request) -> bool:
    return request.method in ("GET", "HEAD") and "Authorization" not in request.headers


def _log_in(request: Request, loaded: Loaded) -> Response:
    web.allow(request, "POST")
    user = credentials.authenticated(request)
    token = signer(loaded[Signing]).sign(Bearer(str(user.id), user.email))
    if request.accept_mimetypes.best_match(["text/plain", "application/json"], "text/plain") == "application/json":
        return web.answer({"token": token, "token_type": "Bearer", "expires_in": loaded[Signing].token_ttl})
    return web.text(token)


def _public_keys(request: Request, loaded: Loaded) -> Response:
    web.allow(request, "GET", "HEAD")
    response = web.answer(
        signer(loaded[Signing]).key_set, headers={"Cache-Control": "public, max-age=300", "Vary": "Authorization"}
    )
    response.content_type = "application/jwk-set+json"
    return response

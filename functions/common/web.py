"""HTTP for all functions: authentication, limits of requests, and the form of answers and errors."""

from __future__ import annotations

import base64
import hmac
import json
import logging
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from flask import Flask, Request, Response, abort, current_app, g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed

from functions.common import access, errors, keys, log, nesting, pages, session
from functions.common.bearer import Bearer
from functions.common.config import Loaded
from functions.common.errors import Failure, Kind, TooSlow
from functions.common.settings import Links, Verifying
from functions.common.shares import Shares

if TYPE_CHECKING:
    from functions.common.tokens import Verifier

_log = logging.getLogger(__name__)

_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_EVENT_MOST_BYTES = 65_536


def answer(payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with JSON."""
    body = json.dumps(payload) + "\n"
    return Response(body, status, _NO_STORE | (headers or {}), content_type="application/json")


def text(body: str, status: int = 200) -> Response:
    """Return a response with plain text."""
    return Response(body, status, _NO_STORE, content_type="text/plain; charset=utf-8")


def nothing(headers: dict[str, str] | None = None) -> Response:
    """Return a response without a body."""
    response = Response(status=204, headers=_NO_STORE | (headers or {}))
    del response.headers["Content-Type"]
    return response


def problem(kind: Kind, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Return an error response (RFC 9457)."""
    body = {"type": "about:blank", "title": kind.title, "status": kind.status, "code": kind.code} | more
    body["request_id"] = log.request_id.get()
    response = answer(body, kind.status, headers)
    response.content_type = "application/problem+json"
    return response


def allow(request: Request, *methods: str) -> None:
    """Raise Failure(METHOD_NOT_ALLOWED) for any other method (RFC 9110 section 15.5.6); answer OPTIONS with these."""
    if request.method in methods:
        return
    allowed = {"Allow": ", ".join([*methods, "OPTIONS"])}
    if request.method == "OPTIONS":
        abort(nothing(allowed))
    raise Failure(errors.METHOD_NOT_ALLOWED, allowed)


def challenge(kind: Kind, scheme: str, detail: str = "") -> Failure:
    """Return a Failure with the challenge that a 401 requires (RFC 9110 section 11.6.1)."""
    return Failure(kind, {"WWW-Authenticate": f'{scheme} realm="mp3converter"{detail}'})


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the names and values in the query; bytes that are not UTF-8 become surrogates."""
    # Werkzeug's own `args` raises UnicodeDecodeError for such bytes.
    query = request.query_string.decode(errors="surrogateescape")
    return parse_qsl(query, keep_blank_values=True, errors="surrogateescape")


def query(request: Request) -> dict[str, str]:
    """Return the query as `query_pairs` reads it; of several values, the first."""
    return dict(reversed(query_pairs(request)))


@lru_cache(maxsize=2)
def verifier(public_keys: str) -> Verifier:
    """Return the verifier for these public keys, a JWK set."""
    # PyJWT loads with the first token, not with the process.
    from functions.common.tokens import Verifier

    return Verifier(public_keys)


def caller(
    request: Request, loaded: Loaded, verify_key: Callable[[str], Bearer], check: session.Check | None = None
) -> Bearer:
    """Return the user in the request's token, API key or session, by a function's settings. Raises as `bearer` does."""
    return bearer(request, verifier(loaded[Verifying].public_keys), verify_key, loaded[Links].public_url, check)


def bearer(
    request: Request,
    verifier: Verifier,
    verify_key: Callable[[str], Bearer] | None = None,
    public_url: str = "",
    check: session.Check | None = None,
) -> Bearer:
    """Return the user in the request's token, or whose its API key is (RFC 6750 section 2.1).

    Without either, it is whose session the cookie is of that belongs to this public URL, if the request passes the
    check, as session.py has it. Raises a Failure with status 401, FOREIGN_PAGE, or UNAVAILABLE if a key cannot be
    looked up.
    """
    try:
        found = _bearer(request, verifier, verify_key, public_url, check)
    except Failure as failure:
        if failure.kind.status != 401:
            raise
        detail = "" if failure.kind is errors.UNAUTHORIZED else ', error="invalid_token"'
        raise challenge(failure.kind, "Bearer", detail) from failure.__cause__
    access.about(user=found.user)
    return found


def _bearer(
    request: Request,
    verifier: Verifier,
    verify_key: Callable[[str], Bearer] | None,
    public_url: str,
    check: session.Check | None,
) -> Bearer:
    fields = request.headers.getlist("Authorization")
    if not fields:
        kept = session.token(request, public_url, check) if public_url else None
        if kept is None:
            raise Failure(errors.UNAUTHORIZED)
        return verifier.verify(kept)
    scheme, _, token = fields[0].partition(" ")
    if len(fields) > 1 or scheme.lower() != "bearer" or not token:
        raise Failure(errors.INVALID_TOKEN)
    token = token.strip(" ")
    return verify_key(token) if verify_key and token.startswith(keys.PREFIX) else verifier.verify(token)


def is_bearer(request: Request, token: str) -> bool:
    """Tell whether the request brings this token, in constant time."""
    offered = request.headers.get("Authorization", "").encode()
    return hmac.compare_digest(offered, f"Bearer {token}".encode())


def basic(request: Request) -> tuple[str, str] | None:
    """Return the address and password in the request (RFC 7617), or None if it has none that can be read.

    They are UTF-8, as the challenge asks for, or else Latin-1, as some clients send them.
    """
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(" ").encode("ascii"), validate=True)
    except ValueError:  # also for characters that are not ASCII
        return None
    try:
        text = pair.decode()
    except UnicodeDecodeError:
        text = pair.decode("latin-1")
    user, _, password = text.partition(":")
    return user, password


def after_response(work: Callable[[], object]) -> None:
    """Run `work` after the current response was sent.

    The process may die in between, so something else must do this work then.
    """
    g.setdefault("after_response", []).append(work)


def transfer(user: str) -> None:
    """Count the current request among the user's transfers until its response was sent.

    Raises Failure(TOO_MANY_TRANSFERS).
    """
    shares: Shares | None = current_app.config.get("SHARES")
    if shares:  # a test client has no threads
        shares.take(user)
        after_response(partial(shares.give_back, user))


def read(request: Request, most: int) -> bytes:
    """Return at most `most` bytes of the body; none at its end.

    Raises Failure: INCOMPLETE_BODY, also for chunks that are malformed, or TOO_SLOW.
    """
    try:
        return request.stream.read(most)
    except TooSlow as error:
        raise Failure(errors.TOO_SLOW) from error
    except (OSError, ParseException) as error:
        raise Failure(errors.INCOMPLETE_BODY) from error


def small_body(request: Request, most: int = _EVENT_MOST_BYTES) -> bytes:
    """Return a body of at most `most` bytes. Raises Failure(FILE_TOO_LARGE) if it is longer."""
    if (request.content_length or 0) > most:
        raise Failure(errors.FILE_TOO_LARGE)
    body = read(request, most + 1)
    if len(body) > most:
        raise Failure(errors.FILE_TOO_LARGE)
    return body


def form(request: Request) -> dict[str, str]:
    """Return the fields of a small form; of several with the same name, the last."""
    body = small_body(request).decode(errors="replace")
    return dict(parse_qsl(body, keep_blank_values=True))


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises Failure(BAD_REQUEST)."""
    try:
        nesting.check(body)
        given = json.loads(body, object_pairs_hook=_named_once)
    except ValueError as error:
        raise Failure(errors.BAD_REQUEST) from error
    if not isinstance(given, dict):
        raise Failure(errors.BAD_REQUEST)
    return given


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Which of two values counts differs between readers (RFC 8259 section 4).
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def install_error_handlers(app: Flask, *, events: bool) -> None:
    """Turn every error into an error response: a page where that is wanted.

    With `events`, they are those that a deliverer of events understands.
    """

    def told(kind: Kind, headers: dict[str, str] | None = None, **more: Any) -> Response:
        if not events and pages.wanted(request):
            return pages.problem(request, kind, headers, **more)
        return problem(kind, headers, **more)

    def failed(failure: Failure) -> Response:
        cause = failure.__cause__
        kind = errors.to_deliverer(failure.kind) if events else failure.kind
        level = logging.INFO if kind.permanent else logging.WARNING
        _log.log(level, "refused", extra={"code": kind.code, "cause": repr(cause) if cause else None})
        # A 401 always has a challenge (RFC 9110 section 15.5.2), also where a link in a mail has expired.
        headers = challenge(kind, "Bearer").headers | failure.headers if kind.status == 401 else failure.headers
        return told(kind, headers, **failure.more)

    def refused(error: HTTPException) -> Any:
        if error.response is not None:
            return error
        status = error.code or 500
        if status >= 500:
            return crashed(error)
        if isinstance(error, NotFound):
            return told(errors.NOT_FOUND)
        if isinstance(error, WerkzeugMethodNotAllowed):
            return told(errors.METHOD_NOT_ALLOWED, {"Allow": ", ".join(error.valid_methods or ())})
        return told(Kind(errors.BAD_REQUEST.code, status, errors.BAD_REQUEST.title))

    def crashed(error: Exception) -> Response:
        original = getattr(error, "original_exception", None) or error
        _log.error("unexpected error", exc_info=original)
        return told(errors.to_deliverer(errors.INTERNAL) if events else errors.INTERNAL)

    app.register_error_handler(Failure, failed)
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(500, crashed)  # the framework's handler shows the exception's text
    app.register_error_handler(Exception, crashed)

"""Serve a function: functions-framework's app with health, errors, limits and metrics.

`FUNCTION_TARGET=login gunicorn -c functions/gunicorn.conf.py` serves functions/login/main.py.
"""

from __future__ import annotations

import io
import json
import sys
import time
import uuid
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import functions_framework
from flask import Flask, Response, g, request
from gunicorn.errors import AppImportError
from gunicorn.http.errors import ParseException

from functions.common import access, config, cors, errors, log, metrics, trace, web
from functions.common.settings import Deliveries, Serving, Verifying
from functions.peer import Peer

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})  # values of a label never come from a client
_PATIENCE_MOST_BYTES = 32 * 2**20
_PATIENCE_SECONDS = 1.0
_HELD_MOST_BYTES = 8192
_DISCARD_BLOCK = 65_536
_DISCARD_MOST_BLOCKS = 16
_UNASKED_SECONDS = 0.05


def build(settings: Serving, deliveries: Deliveries) -> Flask:
    """Return the app that serves the function in the settings."""
    source = Path(__file__).parent / settings.function / "main.py"
    if not settings.function.isidentifier() or not source.is_file():
        raise config.ConfigError("FUNCTION_TARGET must be the name of a function, such as login")
    app: Flask = functions_framework.create_app(settings.function, str(source), "http")  # type: ignore[no-untyped-call]
    _install_health(app, settings, getattr(sys.modules["main"], "SETTINGS", ()))
    # Flask runs after_request hooks in reverse order: those of the limits first, those of the metrics last.
    _install_metrics(app, settings)
    _install_deferred_work(app)
    _install_limits(app, settings)
    _install_access_lines(app)
    app.config["TAKES_EVENTS"] = getattr(sys.modules["main"], "TAKES_EVENTS", False)
    if app.config["TAKES_EVENTS"]:
        _install_guard(app, deliveries.event_token)
    elif settings.cors_origins:
        cors.install(app, settings.cors_origins)
    web.install_error_handlers(app, events=app.config["TAKES_EVENTS"])
    return app


def _install_health(app: Flask, settings: Serving, kinds: tuple[type[config.Settings], ...]) -> None:
    verifying = config.load_all([Verifying]) if Verifying in kinds else None

    # Readiness does not depend on backends: an unavailable database must not stop every pod.
    def health() -> Response:
        shown = {"status": "ok", "function": settings.function, "version": settings.version}
        if not verifying:
            return web.answer(shown)
        # A new key signs once every instance knows it.
        keys = json.loads(verifying[Verifying].public_keys)["keys"]
        return web.answer({**shown, "keys": [key["kid"] for key in keys]})

    for path in ("/_/health", "/_/ready", "/healthz"):
        app.add_url_rule(path, f"health{path}", health, methods=["GET"])


def _install_metrics(app: Flask, settings: Serving) -> None:
    @cache
    def counters() -> ModuleType:
        # Prometheus' client loads after the first response, or with the first request for metrics.
        from functions.common import counters

        counters.begin(settings.function)
        return counters

    def metrics_page() -> Response:
        if not settings.metrics_token or not web.is_bearer(request, settings.metrics_token):
            return web.problem(errors.NOT_FOUND)
        body, media_type = counters().render()
        return Response(body, content_type=media_type)

    app.add_url_rule("/_/metrics", "metrics", metrics_page, methods=["GET"])

    @app.after_request
    def count(response: Response) -> Response:
        if request.endpoint == "run":
            seconds = time.monotonic() - g.began
            method = request.method if request.method in _METHODS else "other"
            metrics.count(metrics.REQUESTS, settings.function, method, str(response.status_code))
            metrics.observe(metrics.DURATIONS, seconds, settings.function)
            response.call_on_close(lambda: counters().update())
        return response


def _install_deferred_work(app: Flask) -> None:
    @app.after_request
    def defer(response: Response) -> Response:
        for work in g.pop("after_response", ()):
            response.call_on_close(work)
        return response


def _install_limits(app: Flask, settings: Serving) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()
        log.request_id.set(request.headers.get("X-Call-Id", "")[:64] or str(uuid.uuid4()))
        trace.begin(request.headers.get("traceparent"))
        access.begin()
        if peer := _peer(request.environ):
            peer.limit(settings.idle_timeout, settings.least_rate)

    # This hook runs before the framework's, which was registered earlier and would read the rest of a refused body into
    # memory (300 MB for a 401 to an upload of 300 MB).
    @app.after_request
    def leave_body(response: Response) -> Response:
        response.headers["X-Request-Id"] = log.request_id.get()
        environ = request.environ
        request.stream = io.BytesIO()
        peer = _peer(environ)
        if peer and (environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")):
            _leave_body(peer, environ, response)
        return response


def _install_guard(app: Flask, token: str) -> None:
    @app.before_request
    def guard() -> None:
        if token and request.endpoint == "run" and not web.is_bearer(request, token):
            raise web.challenge(errors.UNAUTHORIZED, "Bearer")


def _install_access_lines(app: Flask) -> None:
    # Probes and metrics, which are asked for all the time, leave none.
    @app.after_request
    def log_when_sent(response: Response) -> Response:
        if request.endpoint == "run":
            access.log_when_sent(response, g.began)
        return response


def _peer(environ: dict[str, Any]) -> Peer | None:
    """Return the client's end of the connection; a test client has none."""
    found = environ.get("gunicorn.socket")
    return found if isinstance(found, Peer) else None


def _leave_body(peer: Peer, environ: dict[str, Any], response: Response) -> None:
    """See to it that the client gets the response to a body that was not read to its end.

    No thread waits for the rest: the connection ends with the response, and the worker's loop discards it.
    """
    # A client that waits to be asked for its body has sent none; a proxy may send it all the same.
    is_coming = not peer.expects_continue or peer.is_sending(_UNASKED_SECONDS)
    peer.expects_continue = False
    has_ended = is_coming and _has_ended(peer, environ["wsgi.input"])
    # 50 ms after the response, a proxy written in Go resets the connection of a client that is still sending.
    by_proxy = is_coming and not has_ended and "X-Forwarded-For" in request.headers
    is_large = (request.content_length or 0) > _PATIENCE_MOST_BYTES
    # A body that is too large to be waited for never ends before the connection is cut. Told that it ends, the proxy
    # would stop reading at once.
    peer.is_cut_later = by_proxy and is_large
    if not has_ended and not peer.is_cut_later:
        peer.close_after()
    if response.is_streamed or (response.calculate_content_length() or 0) > _HELD_MOST_BYTES:
        return
    # Held in any case: gunicorn sends headers and body separately, and a proxy may close the connection between them.
    patience = _PATIENCE_SECONDS if by_proxy and not is_large else 0.0
    peer.hold(patience)
    if not patience:
        response.call_on_close(peer.flush)


def _has_ended(peer: Peer, body: Any) -> bool:
    """Read what has arrived of a body, and tell whether that was the rest."""
    peer.stop_waiting()
    try:
        ended = any(not body.read(_DISCARD_BLOCK) for _ in range(_DISCARD_MOST_BLOCKS))
        return ended and not body.failed
    except (OSError, ParseException):
        return False


def _start() -> Flask:
    try:
        settings = config.load(Serving)
        log.setup(settings.function, settings.log_level)
        return build(settings, config.load(Deliveries))
    except config.ConfigError as error:
        # gunicorn prints the message and exits instead of retrying.
        raise AppImportError(f"cannot start: {error}") from None


app = _start()

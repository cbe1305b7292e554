"""One way to serve every function: functions-framework's app with our health, errors, limits and metrics.

`FUNCTION_TARGET=login gunicorn -c functions/gunicorn.conf.py` serves functions/login/main.py.
"""

from __future__ import annotations

import hmac
import io
import socket
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

from functions.common import config, errors, log, metrics, trace, web
from functions.common.settings import Serving

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})  # a label never takes what a client invents
_DRAIN_MOST_BYTES = 32 * 2**20
_DRAIN_MOST_SECONDS = 2.0
_DRAIN_BLOCK = 65_536


def build(settings: Serving) -> Flask:
    """Return the app that serves the function that the settings name."""
    source = Path(__file__).parent / settings.function / "main.py"
    if not settings.function.isidentifier() or not source.is_file():
        raise config.ConfigError("FUNCTION_TARGET must be the name of a function, such as login")
    app: Flask = functions_framework.create_app(settings.function, str(source), "http")  # type: ignore[no-untyped-call]
    _install_health(app, settings)
    # Flask runs what comes after a request in reverse order: the limits' part is the first, and the metrics' the last.
    _install_metrics(app, settings)
    _install_later_work(app)
    _install_limits(app, settings)
    takes_events = getattr(sys.modules["main"], "TAKES_EVENTS", False)
    web.install_error_handlers(app, events=takes_events)
    return app


def _install_health(app: Flask, settings: Serving) -> None:
    # Ready does not depend on backends: a database that is away must not stop every pod.
    def health() -> Response:
        return web.answer({"status": "ok", "function": settings.function, "version": settings.version})

    for path in ("/_/health", "/_/ready", "/healthz"):
        app.add_url_rule(path, f"health{path}", health, methods=["GET"])


def _install_metrics(app: Flask, settings: Serving) -> None:
    @cache
    def counters() -> ModuleType:
        # Prometheus' client loads when the first answer is out, or when it is first asked for.
        from functions.common import counters

        counters.begin(settings.function)
        return counters

    def show() -> Response:
        offered = request.headers.get("Authorization", "").encode()
        if not settings.metrics_token or not hmac.compare_digest(offered, f"Bearer {settings.metrics_token}".encode()):
            return web.problem(errors.NOT_FOUND)
        body, media_type = counters().render()
        return Response(body, content_type=media_type)

    app.add_url_rule("/_/metrics", "metrics", show, methods=["GET"])

    @app.after_request
    def count(response: Response) -> Response:
        if request.endpoint == "run":
            seconds = time.monotonic() - g.began
            method = request.method if request.method in _METHODS else "other"
            metrics.count(metrics.REQUESTS, settings.function, method, str(response.status_code))
            metrics.observe(metrics.DURATIONS, seconds, settings.function)
            response.call_on_close(lambda: counters().settle())
        return response


def _install_later_work(app: Flask) -> None:
    @app.after_request
    def go_on_later(response: Response) -> Response:
        for work in g.pop("once_answered", ()):
            response.call_on_close(work)
        return response


def _install_limits(app: Flask, settings: Serving) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()
        log.request_id.set(request.headers.get("X-Call-Id", "")[:64] or str(uuid.uuid4()))
        trace.begin(request.headers.get("traceparent"))
        connection = request.environ.get("gunicorn.socket")
        if connection is not None:
            connection.settimeout(settings.idle_timeout)

    # Flask runs these hooks in reverse order of registration, so ours comes before the framework's, which reads
    # all that is left of a refused body into memory (300 MB of it, for a 401 to a 300 MB upload).
    @app.after_request
    def drain_later(response: Response) -> Response:
        response.headers["X-Request-Id"] = log.request_id.get()
        environ = request.environ
        request.stream = io.BytesIO()
        if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
            # gunicorn sends head and body apart, and a proxy that sees the head of a refusal may hang up in between.
            _cork(environ, on=True)
            response.call_on_close(lambda: _cork(environ, on=False))
            response.call_on_close(lambda: _drain(environ))
        return response


def _cork(environ: dict[str, Any], *, on: bool) -> None:
    connection = environ.get("gunicorn.socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, int(on))


def _drain(environ: dict[str, Any]) -> None:
    """Read on for a bounded while after the answer: a sender that still sends would see a reset, not the status."""
    connection, body = environ.get("gunicorn.socket"), environ["wsgi.input"]
    if connection is None:
        return
    deadline = time.monotonic() + _DRAIN_MOST_SECONDS
    left = _DRAIN_MOST_BYTES
    try:
        while left > 0 and (seconds := deadline - time.monotonic()) > 0:
            connection.settimeout(seconds)
            block = body.read(min(_DRAIN_BLOCK, left))
            if not block:
                return
            left -= len(block)
    except OSError:
        return  # the answer is out; whatever the peer does now changes nothing


def _start() -> Flask:
    try:
        settings = config.load(Serving)
        log.setup(settings.function, settings.log_level)
        return build(settings)
    except config.ConfigError as error:
        # gunicorn shows the sentence, and ends instead of trying again.
        raise AppImportError(f"cannot start: {error}") from None


app = _start()

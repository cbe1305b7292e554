"""Functions of the test's own: a real HTTP server in place of each."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.clients.serving import serving

TOKEN = "metrics-token"


class FakeFunction(ThreadingHTTPServer):
    """A function's health and metrics."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.health = 200
        self.metrics = ""
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeFunction

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        status, body = self.server.health, ""
        if self.path == "/_/metrics":
            status, body = (200, self.server.metrics) if authorized else (404, "")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def function() -> Iterator[FakeFunction]:
    with serving(FakeFunction()) as server:
        yield server

"""A server that answers each request with the next line of a script, for faults that no real one has when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.clients.serving import serving


@dataclass(frozen=True)
class Line:
    """An answer; with `cut`, its connection breaks after so many bytes of its body, or before it is answered at all."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None


UNANSWERED = Line(0)


def said(content: Any, status: int = 200, **headers: str) -> Line:
    """Return an answer with JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Line(status, {"Content-Type": "application/json", **named}, json.dumps(content).encode())


def problem(status: int, code: str, title: str = "It is so.", **headers: str) -> Line:
    """Return a refusal."""
    return said({"type": "about:blank", "title": title, "status": status, "code": code}, status, **headers)


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Script:
    """What is answered, and what was asked."""

    def __init__(self, *lines: Line) -> None:
        self.lines = list(lines)
        self.seen: list[Seen] = []
        self.url = ""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave early, as they may."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def playing(*lines: Line) -> Iterator[Script]:
    """Answer with these lines until the block ends; all must have been asked for."""
    script = Script(*lines)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            script.seen.append(Seen(self.command, self.path, dict(self.headers.items()), body))
            line = script.lines.pop(0)
            if line is UNANSWERED:
                self.close_connection = True
                return
            self.send_response(line.status)
            for name, value in line.headers.items():
                self.send_header(name, value)
            if "Transfer-Encoding" not in line.headers and line.status != 204:
                self.send_header("Content-Length", str(len(line.body)))
            self.end_headers()
            self.wfile.write(line.body if line.cut is None else line.body[: line.cut])
            self.close_connection = self.close_connection or line.cut is not None

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with serving(_Server(("127.0.0.1", 0), Handler)) as server:
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield script
    assert script.lines == [], "not asked for"

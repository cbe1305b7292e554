"""A real HTTP server in place of a function: it records every call and answers as the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Call:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class Sink:
    """Where the connector's calls go. `answer` returns the status, or 0 to hang up without one."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.running = 0
        self.most = 0
        self.answer: Callable[[Call], int] = lambda call: 200
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def take(self, call: Call) -> int:
        """Record a call and find its answer."""
        with self._lock:
            self.calls.append(call)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            return self.answer(call)
        finally:
            with self._lock:
                self.running -= 1

    def about(self, subject: str) -> list[Call]:
        """Return the calls with events of that subject."""
        return [call for call in self.calls if call.headers.get("ce-subject") == subject]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    # A handler that a test never releases must not block the end of the run.
    daemon_threads = True
    block_on_close = False


def _handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = sink.take(Call(self.path, headers, body, time.monotonic()))
            try:
                self._reply(status)
            except (BrokenPipeError, ConnectionResetError):
                # The caller has hung up, which some tests cause.
                self.close_connection = True

        def _reply(self, status: int) -> None:
            if status == 0:
                self.close_connection = True
                return
            answer = b"an answer that is not read"
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if status != 204:
                self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Write nothing."""

    return Handler

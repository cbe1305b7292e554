"""GET /_/health: whether every queue is being consumed."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from functions.connector.broker import Broker


def serve(host: str, port: int, broker: Broker) -> None:
    """Serve in a background thread until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            if self.path != "/_/health":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            consuming = broker.consuming
            body = json.dumps({"status": "ok" if consuming else "waiting", "function": "connector"}).encode()
            self.send_response(HTTPStatus.OK if consuming else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Log nothing: probes come every few seconds."""

    server = ThreadingHTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()

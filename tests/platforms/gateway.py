"""A fake OpenFaaS gateway that records deployments; no real one is available."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Gateway:
    """Its address, the deployed functions, and all requests in order."""

    url: str = ""
    deployed: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)

    def deploy(self, method: str, path: str, body: dict[str, Any]) -> int:
        """Answer like a provider: only existing functions can be updated."""
        status = 202
        if path != "/system/functions" or (method == "PUT" and body["service"] not in self.deployed):
            status = 404
        else:
            self.deployed[body["service"]] = body
        self.requests.append((method, body["service"], status))
        return status


@contextmanager
def recording() -> Iterator[Gateway]:
    """Run a gateway on its own port."""
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def _deploy(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(gateway.deploy(self.command, self.path, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST = _deploy

        def log_message(self, format: str, *args: Any) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gateway.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()

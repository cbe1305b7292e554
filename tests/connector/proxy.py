"""A TCP proxy before the broker, so that a test can cut the connector's connection and nobody else's."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress


class Proxy:
    """Passes bytes both ways until it is cut; connections that come after a cut are passed again."""

    def __init__(self, target: tuple[str, int], port: int = 0) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._server = _Server(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.port = int(self._server.server_address[1])

    def cut(self) -> None:
        """End every connection that is open now."""
        while self._open:
            _shut(self._open.pop())

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._server.shutdown()
        self._thread.join()
        self.cut()
        self._server.server_close()

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        target, connections = self._target, self._open

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(target, timeout=10) as upstream:
                    upstream.settimeout(None)
                    connections.extend((self.request, upstream))
                    back = threading.Thread(target=_pass, args=(upstream, self.request))
                    back.start()
                    _pass(self.request, upstream)
                    back.join()

        return Handler


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


def _pass(source: socket.socket, target: socket.socket) -> None:
    # A cut shows as an error on either side; both must then end.
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _shut(target)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)

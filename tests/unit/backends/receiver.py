"""A scripted receiver of webhooks on the loopback interface."""

from __future__ import annotations

import socketserver
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from tests.clients.serving import serving

Answer = bytes | Iterable[bytes]  # at once, or in pieces with a pause before each
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PAUSE_SECONDS = 0.02


class Webhook(NamedTuple):
    """What a receiver got: the request's first line, its fields with names in lower case, and its body."""

    line: str
    fields: dict[str, str]
    body: bytes


class Receiver(socketserver.ThreadingTCPServer):
    """Answers each request with the next of the answers, and the last one for ever; records them in `got`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answers: Iterable[Answer], tls: ssl.SSLContext | None, host: str, port: int) -> None:
        super().__init__((host, port), ReceiverHandler)
        self.answers = list(answers)
        self.tls = tls
        self.calls = 0  # connections
        self.names: list[str | None] = []  # that clients asked TLS for
        self.got: list[Webhook] = []
        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.names.append(name)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore it: a client that has had enough disconnects."""

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def times(self, job_id: str) -> int:
        """Return how often it got the webhook of a job."""
        return sum(got.fields["webhook-id"].startswith(job_id) for got in list(self.got))

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        """Return the address of a webhook to it."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"


class ReceiverHandler(socketserver.StreamRequestHandler):
    """Reads a request, and answers it by the script."""

    server: Receiver

    def handle(self) -> None:
        """Handle one request."""
        self.server.calls += 1
        if self.server.tls:
            self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", buffering=0)
        line = self.rfile.readline().decode().strip()
        fields = dict(self._fields())
        self.server.got.append(Webhook(line, fields, self.rfile.read(int(fields.get("content-length", 0)))))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        for piece in [answer] if isinstance(answer, bytes) else answer:
            if not isinstance(answer, bytes):
                time.sleep(PAUSE_SECONDS)
            self.wfile.write(piece)

    def finish(self) -> None:
        """Close the connection: with TLS, the server has only the original socket."""
        with suppress(OSError):
            super().finish()
        self.connection.close()

    def _fields(self) -> Iterator[tuple[str, str]]:
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()


def answering(status: int, fields: str = "") -> bytes:
    """Return an answer with a status, and fields that each end with CR LF."""
    return f"HTTP/1.1 {status} Words\r\n{fields}Content-Length: 0\r\n\r\n".encode()


@contextmanager
def receiver(
    *answers: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Receiver]:
    """Yield a running receiver; without answers it accepts everything."""
    with serving(Receiver(answers or (OK,), tls, host, port)) as server:
        yield server

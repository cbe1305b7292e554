"""A scripted SMTP relay on the loopback interface."""

from __future__ import annotations

import socketserver
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.clients.serving import serving

Reply = str | bytes | Iterable[bytes] | None  # lines; bytes as they are, or in pieces with a pause before each
Script = Mapping[str, Reply]
PAUSE_SECONDS = 0.02


class Relay(socketserver.ThreadingTCPServer):
    """Records commands in `lines`, and the content of mails in `taken`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, script: Script, tls: ssl.SSLContext | None, *, implicit: bool) -> None:
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.script = script
        self.tls = tls
        self.implicit = implicit
        self.lines: list[str] = []
        self.taken: list[bytes] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore it: a client that does not trust the relay disconnects."""

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class RelayHandler(socketserver.StreamRequestHandler):
    """Replies to each command by the script; the reply None disconnects."""

    server: Relay

    def handle(self) -> None:
        """Handle one session."""
        if self.server.tls and self.server.implicit:
            self._encrypt(self.server.tls)
        if not self._answer("greeting", "220 relay"):
            return
        while line := self.rfile.readline():
            self.server.lines.append(line.decode(errors="replace").strip())
            verb = line.decode(errors="replace").split()[0].upper()
            if not self._answer(verb, "354 go on" if verb == "DATA" else "250 ok"):
                return
            if verb == "STARTTLS" and self.server.tls:
                self._encrypt(self.server.tls)
            if verb == "DATA" and str(self.server.script.get(verb, "354")).startswith("354"):
                self.server.taken.append(self._body())
                if not self._answer("dot", "250 ok"):
                    return

    def finish(self) -> None:
        """Close the connection: after STARTTLS, the server has only the original socket."""
        super().finish()
        self.connection.close()

    def _encrypt(self, tls: ssl.SSLContext) -> None:
        self.connection = tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def _answer(self, verb: str, default: str) -> bool:
        answer = self.server.script.get(verb, default)
        if isinstance(answer, str):
            self.wfile.write(answer.replace("\n", "\r\n").encode() + b"\r\n")
        elif isinstance(answer, bytes):
            self.wfile.write(answer)
        elif answer is not None:
            for piece in answer:
                time.sleep(PAUSE_SECONDS)
                self.wfile.write(piece)
        return bool(answer)

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines)


@contextmanager
def relay(
    script: Script | None = None, tls: ssl.SSLContext | None = None, *, implicit: bool = False
) -> Iterator[Relay]:
    """Yield a running relay, with TLS after STARTTLS, or from the start if it is implicit."""
    with serving(Relay(script or {}, tls, implicit=implicit)) as server:
        yield server

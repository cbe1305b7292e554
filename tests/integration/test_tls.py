"""Backends behind somebody else's certificate: a function answers 503, and sends them no credentials."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from functions.backends import amqp
from functions.backends.mysql import Connections
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker, Database
from tests.certificates import self_signed

PASSWORD = "correct-horse-battery"
SECONDS = 3.0
ADDRESS = f"user:{PASSWORD}@localhost"
# Long password, connect with a database, protocol 4.1, TLS, transactions, secure connection, plugins.
CAPABILITIES = 0x1 | 0x8 | 0x200 | 0x800 | 0x2000 | 0x8000 | 0x80000
TLS = 0x800


class Listener:
    """Records every byte that clients send, inside TLS and before it."""

    def __init__(self, certificate: Path, greeting: bytes, *, offers_tls: bool) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.greeting = greeting
        self.offers_tls = offers_tls
        self.plain = b""
        self.inside = b""
        self.sessions = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def serve(self) -> None:
        """Serve one client after the other until the socket is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                with connection, suppress(OSError):
                    connection.settimeout(SECONDS)
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        if self.greeting:
            connection.sendall(self.greeting)
            self.plain += packet(connection)  # MySQL's request for TLS, which has no credentials
        if self.offers_tls:
            with self.context.wrap_socket(connection, server_side=True) as secured:
                self.sessions += 1
                self.inside += secured.recv(4096)


def packet(connection: socket.socket) -> bytes:
    """Read one packet of MySQL's protocol and nothing behind it: a client sends its TLS hello without waiting."""
    head = exactly(connection, 4)
    return head + exactly(connection, int.from_bytes(head[:3], "little"))


def exactly(connection: socket.socket, count: int) -> bytes:
    """Read as many bytes, or fewer where the client closes."""
    received = b""
    while len(received) < count and (some := connection.recv(count - len(received))):
        received += some
    return received


def mysql_greeting(capabilities: int) -> bytes:
    """Return the first packet of a MySQL server."""
    packet = b"\x0a8.0.40\0" + struct.pack("<I", 1) + b"saltsalt\0" + struct.pack("<H", capabilities & 0xFFFF)
    packet += b"\x2d" + struct.pack("<HH", 2, capabilities >> 16) + bytes([21]) + bytes(10) + b"saltsaltsalt\0"
    packet += b"mysql_native_password\0"
    return struct.pack("<I", len(packet))[:3] + b"\0" + packet


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls") / "localhost.pem")


@contextmanager
def listening(certificate: Path, greeting: bytes = b"", *, offers_tls: bool = True) -> Iterator[Listener]:
    listener = Listener(certificate, greeting, offers_tls=offers_tls)
    thread = threading.Thread(target=listener.serve, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.socket.close()


def mongodb(port: int) -> None:
    url = f"mongodb://{ADDRESS}:{port}/?tls=true&serverSelectionTimeoutMS=1000"
    with MongoClient[dict[str, Any]](url) as client, pytest.raises(PyMongoError, match="CERTIFICATE_VERIFY_FAILED"):
        client.admin.command("ping")


def rabbitmq(port: int) -> None:
    url = f"amqps://{ADDRESS}:{port}/%2F?connection_attempts=1"
    with pytest.raises(amqp.ERRORS):
        amqp.connection_to(amqp.parameters(Broker(url, SECONDS)))


def mysql(port: int) -> None:
    url = f"mysql://{ADDRESS}:{port}/mp3converter"
    with pytest.raises(Failure) as failure:
        Connections(Database(url, SECONDS)).run(lambda cursor: cursor.execute("SELECT 1"))
    assert failure.value.kind is UNAVAILABLE
    assert failure.value.__cause__ is not None


CLIENTS: dict[str, tuple[Callable[[int], None], bytes]] = {
    "MongoDB": (mongodb, b""),
    "RabbitMQ": (rabbitmq, b""),
    "MySQL": (mysql, mysql_greeting(CAPABILITIES)),
}


@pytest.mark.attack("S8")
@pytest.mark.parametrize("name", CLIENTS)
def test_a_certificate_of_another_authority(name: str, certificate: Path) -> None:
    connect, greeting = CLIENTS[name]
    with listening(certificate, greeting) as server:
        connect(server.port)
        assert server.inside == b""
        assert PASSWORD.encode() not in server.plain
        assert server.plain == b"" or len(server.plain) == 36, "more than MySQL's request for TLS"


@pytest.mark.attack("S8")
def test_a_server_of_mysql_without_tls(certificate: Path) -> None:
    """What sits between could have removed the offer."""
    with listening(certificate, mysql_greeting(CAPABILITIES & ~TLS), offers_tls=False) as server:
        mysql(server.port)
        assert server.plain == b""


@pytest.mark.parametrize("name", ["MySQL", "RabbitMQ"])
def test_a_trusted_certificate(name: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: a server that is trusted gets to hear the client."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connect, greeting = CLIENTS[name]
    with listening(certificate, greeting) as server:
        connect(server.port)
        assert server.sessions
        assert server.inside

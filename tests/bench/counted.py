"""A way to MongoDB that counts the queries on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_FIND = b"\x02find\0"
_BLOCK = 65_536


@dataclass
class Queries:
    """How many queries have passed, and the port to send them to."""

    port: int
    count: int = 0


@contextmanager
def counted(port: int) -> Iterator[Queries]:
    """Pass everything on to a port of this machine until the block ends, and count the queries."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        queries = Queries(server.getsockname()[1])
        threading.Thread(target=_accept, args=(server, port, queries), daemon=True).start()
        yield queries


def _accept(server: socket.socket, port: int, queries: Queries) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:  # the block has ended
            return
        backend = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pass, args=(client, backend, queries), daemon=True).start()
        threading.Thread(target=_pass, args=(backend, client, None), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, queries: Queries | None) -> None:
    try:
        while data := source.recv(_BLOCK):
            if queries:
                queries.count += data.count(_FIND)
            sink.sendall(data)
    except OSError:  # the other direction has ended
        pass
    finally:
        source.close()
        sink.close()

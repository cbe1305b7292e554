"""The worker: its loop on connections that ended in other ways than they should, and its reader of bodies."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from functions.peer import Peer
from functions.worker import Connection, Unreader, Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker as gunicorn makes it, with a loop and without a process."""
    cfg = Config()
    app: Any = None
    made = Worker(1, 1, [], app, 30, cfg, Logger(cfg))
    made.poller = selectors.DefaultSelector()
    yield made
    made.poller.close()
    made.tmp.close()


def test_a_connection_that_gunicorn_closed(worker: Worker) -> None:
    """That is what it does when a response fails on the way; linger would count the connection twice otherwise."""
    client, accepted = socket.socketpair()
    with client:
        connection = Connection(worker, worker.cfg, Peer(accepted), ("", 0), ("", 0))
        connection.sock.close()
        connection.close(graceful=True)
    assert not worker._lingering
    assert not worker.poller.get_map()


@pytest.mark.parametrize("before", [0, 1, 100_000])
def test_a_body_is_read_to_its_last_byte_and_no_further(before: int) -> None:
    """Whatever had arrived before, and however it arrives."""
    sent = bytes(range(256)) * 4_000
    client, accepted = socket.socketpair()
    with client, accepted:
        reader = Unreader(accepted)
        reader.unread(sent[:before])
        thread = threading.Thread(target=client.sendall, args=(sent[before:] + b"next",))
        thread.start()
        sizes = (65_536, 300_000, 10_000, len(sent) - 375_536)
        pieces = [reader.read(size, read_ahead=len(sent)) for size in sizes]
        thread.join()
        assert [len(piece) for piece in pieces] == list(sizes)
        assert b"".join(pieces) == sent
        assert reader.read(4) == b"next"


def test_a_body_that_ends_early() -> None:
    client, accepted = socket.socketpair()
    with client, accepted:
        client.sendall(b"x" * 10_000)
        client.shutdown(socket.SHUT_WR)
        reader = Unreader(accepted)
        assert reader.read(20_000) == b"x" * 10_000
        assert reader.read(20_000) == b""

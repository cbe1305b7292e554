"""The worker's loop, on connections that ended in other ways than they should."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from functions.peer import Peer
from functions.worker import Connection, Worker


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

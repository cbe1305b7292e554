"""A server that resets a connection just when pika considers it open."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from pika.adapters.utils import io_services_utils

HOST = "127.0.0.1"
OPEN_SECONDS = 0.3
TIMEOUT_SECONDS = 10.0
# With this a socket is closed by RST (socket(7): SO_LINGER, on, 0 s).
RESET = struct.pack("ii", 1, 0)


@contextmanager
def resetting() -> Iterator[int]:
    """Yield the port of a server that resets its one connection; pika is slowed down, or it would rarely happen."""
    open_stream = io_services_utils._AsyncStreamConnector.__init__

    def open_late(*arguments: Any, **more: Any) -> None:
        time.sleep(2 * OPEN_SECONDS)
        open_stream(*arguments, **more)

    with pytest.MonkeyPatch.context() as patch, socket.create_server((HOST, 0)) as server:
        server.settimeout(TIMEOUT_SECONDS)
        patch.setattr(io_services_utils._AsyncStreamConnector, "__init__", open_late)
        resetter = Thread(target=_reset_next, args=[server])
        resetter.start()
        yield server.getsockname()[1]
        resetter.join()


def _reset_next(server: socket.socket) -> None:
    connection, _ = server.accept()
    time.sleep(OPEN_SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()

"""The processes that hold a listening socket are found, also where only their families are looked at."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.clients import processes
from tests.clients.waiting import until

WITH_A_CHILD = """
import subprocess, sys
child = subprocess.Popen(["sleep", "600"], pass_fds=[int(sys.argv[1])])
print(child.pid, flush=True)
child.wait()
"""
SERVER = """
import signal, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
signal.pause()
"""


@contextmanager
def running(words: list[str], *, shared: list[int] | None = None, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program that has these descriptors too, and kill it when the block ends."""
    with subprocess.Popen(words, pass_fds=shared or [], text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def test_holders_that_come_and_go_are_noticed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, own, shared = server.getsockname()[1], os.getpid(), [server.fileno()]
        assert processes.listeners(port) == {own}
        with running(["sleep", "600"], shared=shared) as child:
            until(lambda: processes.listeners(port) == {own, child.pid}, "the child to be found")
        assert processes.listeners(port) == {own}

        words = [sys.executable, "-c", WITH_A_CHILD, str(server.fileno())]
        with running(words, shared=shared, stdout=subprocess.PIPE) as parent:
            assert parent.stdout
            orphan = int(parent.stdout.readline())
            try:
                assert processes.listeners(port) == {own, parent.pid, orphan}
                parent.kill()
                parent.wait()
                assert processes.listeners(port) == {own, orphan}
            finally:
                os.kill(orphan, signal.SIGKILL)
        until(lambda: processes.listeners(port) == {own}, "the orphan to be gone")
    assert processes.listeners(port) == set()


def test_the_next_server_of_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        assert processes.listeners(port) == {os.getpid()}
    with running([sys.executable, "-c", SERVER, str(port)]) as second:
        until(lambda: processes.listeners(port) == {second.pid}, "the second server")

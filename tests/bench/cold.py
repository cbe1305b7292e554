"""Start a server afresh, and see what it has cost when its first answer is there."""

from __future__ import annotations

import ctypes
import http.client
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from tests.bench.system import ROOT
from tests.clients import processes
from tests.local.commands import free_port

HOST = "127.0.0.1"
START_SECONDS = 60.0
LOOK_SECONDS = 0.001
LAST_BYTES = 2000
HEALTHY = ("GET", "/_/health")


@dataclass(frozen=True)
class Server:
    """A command that serves HTTP on the HOST and PORT of its environment."""

    command: list[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """A request, and what the answer to it must be.

    With `begun`, the work that the request asks for is looked for too, as often as the server is.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 200
    begun: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Cost:
    """Seconds from exec until it was seen, processor seconds until then, and bytes held at rest (PSS)."""

    seconds: float
    cpu: float
    memory: int


@dataclass(frozen=True)
class First:
    """The first answer and what it had cost, what all had cost when nothing more was done for it, and its body.

    And what the beginning of its work had cost, where that was looked for.
    """

    body: bytes
    answered: Cost
    rested: Cost
    begun: Cost | None


def first_answer(server: Server, call: Call) -> First:
    """Start a server, send it a request as soon as it takes one, and return the answer with its cost."""
    port = free_port()
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        with _started(server, port, output) as process:
            try:
                return _measured(process, port, call, start)
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                raise RuntimeError(f"{server.command}: {error!r}\n{_last_words(output)}") from error


def _measured(process: subprocess.Popen[bytes], port: int, call: Call, start: float) -> First:
    connection = http.client.HTTPConnection(HOST, port, timeout=START_SECONDS)
    connection.sock = _connected(process, port, start)
    try:
        connection.request(call.method, call.target, call.body or None, dict(call.headers))
        begun = _spent_when(call.begun, process.pid, start) if call.begun else None
        response = connection.getresponse()
        body = response.read()
        answered = _spent(process.pid, start)
        if response.status != call.status:
            raise RuntimeError(f"answered {response.status}, not {call.status}: {body!r}")
        rested = _spent_at_rest(connection, process.pid, start)
    finally:
        connection.close()
    memory = processes.resident(processes.family({process.pid}))
    return First(body, Cost(*answered, memory), Cost(*rested, memory), Cost(*begun, memory) if begun else None)


def _connected(process: subprocess.Popen[bytes], port: int, start: float) -> socket.socket:
    while True:
        with suppress(ConnectionRefusedError):
            return socket.create_connection((HOST, port), START_SECONDS)
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode}")
        _pause(start, "to listen")


def _spent_when(begun: Callable[[], bool], pid: int, start: float) -> tuple[float, float]:
    while not begun():
        _pause(start, "to begin")
    return _spent(pid, start)


def _spent_at_rest(connection: http.client.HTTPConnection, pid: int, start: float) -> tuple[float, float]:
    """Ask for the health: on the same connection, nothing answers before all work for the last request is done."""
    if connection.sock is None:
        raise RuntimeError("hung up, so the end of its work is unknown")
    connection.request(*HEALTHY)
    connection.getresponse().read()
    return _spent(pid, start)


def _pause(start: float, what: str) -> None:
    if time.perf_counter() - start > START_SECONDS:
        raise RuntimeError(f"waited {START_SECONDS:g} s for it {what}")
    time.sleep(LOOK_SECONDS)


@contextmanager
def _started(server: Server, port: int, output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**server.environment, "HOST": HOST, "PORT": str(port)}
    process = subprocess.Popen(
        server.command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _spent(root: int, start: float) -> tuple[float, float]:
    """Return the seconds since the start, and the processor seconds of all processes (clock_getcpuclockid(3))."""
    seconds = time.perf_counter() - start
    library = ctypes.CDLL(None)
    clock = ctypes.c_int()
    cpu = 0.0
    for pid in processes.family({root}):
        if library.clock_getcpuclockid(pid, ctypes.byref(clock)) == 0:
            cpu += time.clock_gettime(clock.value)
    return seconds, cpu


def _last_words(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read()[-LAST_BYTES:].decode(errors="replace")

"""Run a program, and measure what it and all that it starts cost: time, processor time, memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from tests.clients import processes
from tests.clients.sampling import sampling

LIMIT_SECONDS = 3600.0
INTERVAL_SECONDS = 0.03
# What the samples may miss or add by chance.
UNWAITED_SHARE = 0.05
UNWAITED_SECONDS = 0.3


@dataclass(frozen=True)
class Usage:
    """What one run cost: seconds of work, seconds from start to end, and processor seconds of all its processes."""

    seconds: float
    elapsed: float
    cpu: float


@dataclass
class Watched:
    """What was seen of some processes and all their descendants."""

    peak: int = 0
    _cpu: dict[tuple[int, str], float] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        """Return the processor seconds of all processes that were seen, as of when each was seen last."""
        return sum(self._cpu.values())

    def look(self, roots: Iterable[int]) -> None:
        """Look once."""
        family = processes.family(roots)
        self.peak = max(self.peak, processes.resident(family))
        for pid in family:
            self._cpu.update(processes.cpu(pid))


@contextmanager
def watching(roots: Iterable[int]) -> Iterator[Watched]:
    """Look at these processes and their descendants until the block ends, which slows them down a little."""
    watched = Watched()
    with sampling(lambda: watched.look(roots), INTERVAL_SECONDS):
        yield watched


def run(command: list[str]) -> Usage:
    """Run a program to its end and return what it cost.

    A program that prints a number says by it how long its work took, without its own start. Raises RuntimeError when
    it fails.
    """
    with _started(command) as (process, output):
        start = time.perf_counter()
        cpu = _finished(process)
        elapsed = time.perf_counter() - start
        return Usage(_said(process, output) or elapsed, elapsed, cpu)


def watch(command: list[str]) -> int:
    """Run a program to its end and return the most bytes that it held with all its descendants (PSS).

    Raises RuntimeError when it fails, or when it leaves descendants unwaited for: their processor time would be
    missing from `run`.
    """
    with _started(command) as (process, output):
        with watching({process.pid}) as watched:
            cpu = _finished(process)
        _said(process, output)
    if watched.cpu > cpu * (1 + UNWAITED_SHARE) + UNWAITED_SECONDS:
        raise RuntimeError(f"{command} waited for {cpu:.2f} s of processor time, seen were {watched.cpu:.2f} s")
    return watched.peak


@contextmanager
def _started(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        end = threading.Timer(LIMIT_SECONDS, _kill, [process])
        end.start()
        try:
            yield process, output
        finally:
            end.cancel()
            if process.returncode is None:
                _kill(process)
                process.wait()


def _finished(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end; return the processor seconds of the program and of all that it waited for."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _said(process: subprocess.Popen[bytes], output: IO[bytes]) -> float | None:
    output.seek(0)
    words = output.read().decode(errors="replace").strip()
    if process.returncode:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}: {words}")
    return float(words) if words else None


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

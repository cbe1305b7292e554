"""The cage: every program that touches an upload runs in it, with few rights, hard limits, and an end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from functions.common import crash, errors
from functions.common.errors import Failure
from functions.convert.watch import Watch

_MEMORY_BYTES = 2**30
_LOG_BYTES = 65_536
_BLOCK_BYTES = 65_536
_TICK_SECONDS = 0.2
_PIPE_BYTES = 2**20

PIPE = subprocess.PIPE

Descriptor = int | IO[bytes]


@dataclass(frozen=True)
class Outcome:
    """How a program ended: its exit code, what it wrote, and what it said about it."""

    code: int
    output: bytes
    words: str


class Child:
    """A program in the cage; `stdin` and `stdout` are the pipes to it, where it was given some."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self._consumed = 0

    @property
    def stdin(self) -> IO[bytes]:
        """Return the pipe that the program reads."""
        assert self.process.stdin is not None  # noqa: S101 - it was started with one
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Return the pipe that the program writes."""
        assert self.process.stdout is not None  # noqa: S101 - it was started with one
        return self.process.stdout

    def words(self) -> str:
        """Return what the program said on its standard error, 64 kB at most."""
        return self._log.read_bytes().decode(errors="replace")

    def consumed(self) -> int:
        """Return how many bytes the program has read, as far as the system tells."""
        try:
            counted = Path(f"/proc/{self.process.pid}/io").read_text()
        except OSError:  # it has ended
            return self._consumed
        self._consumed = next((int(line[6:]) for line in counted.splitlines() if line.startswith("rchar:")), 0)
        return self._consumed

    def kill(self) -> None:
        """End the program and all that it started; its end is waited for."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(OSError):  # what was not written any more
                    pipe.close()


class Cage:
    """Start programs that work on one upload, and see to it that none outlives the block.

    `folder` is private to the upload. While programs are waited for, `watch` is checked several times a second, and
    hears a beat when they have read something since; what it raises ends them.
    """

    def __init__(self, folder: Path, watch: Watch) -> None:
        self.folder = folder
        self.watch = watch
        self._children: list[Child] = []
        self._consumed = 0
        self._looked = 0.0

    def __enter__(self) -> Cage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for child in self._children:
            child.kill()

    def start(
        self,
        command: Sequence[str],
        *,
        stdin: Descriptor = subprocess.DEVNULL,
        stdout: Descriptor = subprocess.PIPE,
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Start a program that may read its folder and write its pipes, and nothing else."""
        log = self.folder / f"{len(self._children)}.log"
        most = int(max(1.0, self.watch.deadline - time.monotonic()) * (os.cpu_count() or 1)) + 1  # s
        caged = [
            # The program dies with us, even when we are killed outright.
            "/usr/bin/setpriv",
            "--pdeathsig",
            "KILL",
            "--no-new-privs",
            "/usr/bin/prlimit",
            f"--cpu={most}:{most + 1}",
            f"--as={_MEMORY_BYTES}",
            f"--fsize={_LOG_BYTES}",
            "--core=0",
            *command,
        ]
        with log.open("xb") as words, crash.around("program"):
            process = subprocess.Popen(
                caged,
                stdin=stdin,
                stdout=stdout,
                stderr=words,
                cwd=self.folder,
                env=dict(environment or {}),
                close_fds=True,
                start_new_session=True,
                bufsize=0,
                # Python ignores SIGXFSZ and SIGPIPE and so does the program then: a full log is cut, not deadly.
                restore_signals=False,
            )
        # Longer turns on the processor and fewer changes between programs: about a tenth less work for the same.
        with contextlib.suppress(OSError):  # it has ended already, or this may not be chosen here
            os.sched_setscheduler(process.pid, os.SCHED_BATCH, os.sched_param(0))
        child = Child(process, log)
        self._children.append(child)
        return child

    def run(self, command: Sequence[str], most: int, environment: Mapping[str, str] | None = None) -> Outcome:
        """Run a program to its end, and return its first `most` bytes of output; one that writes more is ended."""
        return self.finish(self.start(command, environment=environment), most)

    def finish(self, child: Child, most: int) -> Outcome:
        """Wait for a program that was started, as `run` does."""
        output = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while len(output) <= most:
                self.wait(selector)
                block = os.read(child.stdout.fileno(), _BLOCK_BYTES)
                if not block:
                    break
                output += block
        if len(output) > most:
            child.kill()
        return Outcome(self.code(child), bytes(output[:most]), child.words())

    def wait(self, selector: selectors.BaseSelector) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until one of the pipes is ready. Raises Failure(CONVERT_TIMED_OUT) when there is no time left."""
        while True:
            left = self._left()
            if ready := selector.select(min(left, _TICK_SECONDS)):
                return ready

    def code(self, child: Child) -> int:
        """Wait until a program has ended; return its exit code, negative for a signal.

        Raises Failure(CONVERT_TIMED_OUT) when it takes too long, or took more processor time than it may.
        """
        while True:
            left = self._left()
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.process.wait(min(left, _TICK_SECONDS))
                break
        if code == -signal.SIGXCPU:
            raise Failure(errors.CONVERT_TIMED_OUT)
        return code

    def _left(self) -> float:
        """Return the seconds that are left, and look after the work on the way."""
        now = time.monotonic()
        if now >= self.watch.deadline:
            raise Failure(errors.CONVERT_TIMED_OUT)
        if now - self._looked >= _TICK_SECONDS:
            self._looked = now
            self.watch.check()
            # A lease is renewed by work alone: a program that hangs reads nothing (functions/README.md, rule 5).
            consumed = sum(child.consumed() for child in self._children)
            if consumed > self._consumed:
                self._consumed = consumed
                self.watch.beat()
        return self.watch.deadline - now


def widen(pipe: int) -> int:
    """Let a pipe hold a megabyte, so that whoever is at its ends is woken less often; return how much it holds."""
    with contextlib.suppress(PermissionError):  # above the limit that an administrator set
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)

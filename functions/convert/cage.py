"""The cage: every program that reads an upload runs in it, with few rights, hard limits and a deadline."""

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
    """How a program ended: its exit code (-SIGKILL if its output was cut), its output, and its messages."""

    code: int
    output: bytes
    words: str


class Child:
    """A program in the cage; `stdin` and `stdout` are the pipes to it, if it was started with pipes."""

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
        """Return what the program wrote to standard error, at most 64 kB."""
        return self._log.read_bytes().decode(errors="replace")

    def consumed(self) -> int:
        """Return how many bytes the program has read, as far as the system reports it."""
        try:
            counted = Path(f"/proc/{self.process.pid}/io").read_text()
        except OSError:  # it has ended
            return self._consumed
        self._consumed = next((int(line[6:]) for line in counted.splitlines() if line.startswith("rchar:")), 0)
        return self._consumed

    def kill(self) -> None:
        """Kill the program and everything it started, and wait for its end."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(OSError):  # unwritten data is lost
                    pipe.close()


class Cage:
    """Start programs that work on one upload; none of them outlives the block.

    `folder` is private to the upload. While the cage waits for programs it calls `watch.check` several times a second,
    and `watch.beat` if they have read something since. Exceptions raised there end all programs.
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
        self.clear()

    def check(self) -> None:
        """Do between steps of our own work what is done while the cage waits. Raises Failure(CONVERT_TIMED_OUT)."""
        self._left()

    def clear(self) -> None:
        """End all programs that were started."""
        for child in self._children:
            child.kill()

    def start(
        self,
        command: Sequence[str],
        *,
        stdin: Descriptor = subprocess.DEVNULL,
        stdout: Descriptor = subprocess.PIPE,
        environment: Mapping[str, str] | None = None,
        inherited: Sequence[int] = (),
    ) -> Child:
        """Start a program, limited to its folder, its pipes, and the descriptors that it inherits."""
        log = self.folder / f"{len(self._children)}.log"
        most = int(max(1.0, self.watch.deadline - time.monotonic()) * (os.cpu_count() or 1)) + 1  # s
        caged = [
            # The program dies with this process, even if this process is killed.
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
                pass_fds=inherited,
                start_new_session=True,
                bufsize=0,
                # Python ignores SIGXFSZ and SIGPIPE, and the program inherits that: a full log is cut off, not fatal.
                restore_signals=False,
            )
        # Longer time slices and fewer context switches: about a tenth less CPU for the same work.
        with contextlib.suppress(OSError):  # already ended, or not permitted
            os.sched_setscheduler(process.pid, os.SCHED_BATCH, os.sched_param(0))
        child = Child(process, log)
        self._children.append(child)
        return child

    def run(self, command: Sequence[str], most: int, environment: Mapping[str, str] | None = None) -> Outcome:
        """Run a program to its end; if it writes more than `most` bytes, kill it and cut its output there."""
        return self.finish(self.start(command, environment=environment), most)

    def finish(self, child: Child, most: int) -> Outcome:
        """Wait for a program that was started, and return its outcome as `run` does."""
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
            # It may have ended well before the kill, with the rest of its output still in the pipe.
            return Outcome(-signal.SIGKILL, bytes(output[:most]), child.words())
        return Outcome(self.code(child), bytes(output), child.words())

    def wait(self, selector: selectors.BaseSelector) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until a pipe is ready. Raises Failure(CONVERT_TIMED_OUT) at the deadline."""
        while True:
            left = self._left()
            if ready := selector.select(min(left, _TICK_SECONDS)):
                return ready

    def code(self, child: Child) -> int:
        """Wait until a program has ended; return its exit code, negative for a signal.

        Raises Failure(CONVERT_TIMED_OUT) at the deadline, or if the program exceeded its CPU time limit.
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
        """Return the seconds until the deadline; check and report progress first."""
        now = time.monotonic()
        if now >= self.watch.deadline:
            raise Failure(errors.CONVERT_TIMED_OUT)
        if now - self._looked >= _TICK_SECONDS:
            self._looked = now
            self.watch.check()
            # Only work renews a lease: a program that hangs reads nothing (functions/README.md, rule 5).
            consumed = sum(child.consumed() for child in self._children)
            if consumed > self._consumed:
                self._consumed = consumed
                self.watch.beat()
        return self.watch.deadline - now


def widen(pipe: int) -> int:
    """Enlarge a pipe to a megabyte, so that both ends wake up less often; return its capacity."""
    with contextlib.suppress(PermissionError):  # above the system's limit
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)

"""The client, run as a person runs it: a process in a folder, with a home of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from local.home import ROOT

TIMEOUT_SECONDS = 90


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    text: str
    complaint: str

    @property
    def objects(self) -> list[Any]:
        """Return what --json printed."""
        return [json.loads(line) for line in self.text.splitlines()]


@dataclass(frozen=True)
class Mp3:
    """The command line of somebody, for whom these variables are set."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str | Path) -> Ended:
        """Run a command to its end."""
        with self.start(*words) as process:
            return self.end(process)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            self._command(*words),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def objects(self, process: subprocess.Popen[str]) -> Iterator[Any]:
        """Yield what a command prints with --json, while it runs."""
        limit = Timer(TIMEOUT_SECONDS, process.kill)
        limit.start()
        try:
            yield from map(json.loads, process.stdout or ())
        finally:
            limit.cancel()

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for the end of a command."""
        try:
            text, complaint = process.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert "Traceback" not in complaint, complaint
        return Ended(process.returncode, text, complaint)

    def on_a_terminal(self, *words: str | Path, answers: Mapping[str, str]) -> tuple[int, str]:
        """Run a command on a terminal, and answer what it asks for; return its status, and all that was shown."""
        ours, its = pty.openpty()
        termios.tcsetwinsize(its, (40, 120))
        with subprocess.Popen(
            self._command(*words), cwd=self.folder, env=self._environment, stdin=its, stdout=its, stderr=its,
            start_new_session=True, preexec_fn=_take_terminal,
        ) as process:  # fmt: skip
            os.close(its)
            shown, left = b"", dict(answers)
            while piece := _read(ours, process):
                shown += piece
                for prompt in [prompt for prompt in left if shown.endswith(prompt.encode())]:
                    os.write(ours, f"{left.pop(prompt)}\n".encode())
            os.close(ours)
            process.wait(TIMEOUT_SECONDS)
        assert left == {}, shown
        return process.returncode, shown.decode()

    def _command(self, *words: str | Path) -> list[str]:
        # Who starts the tests in the background lets them ignore Ctrl-C, and so whatever they start.
        interruptible = ("env", "--default-signal=INT")
        return [*interruptible, sys.executable, "-m", "mp3converter_client", *map(str, words)]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT / "local" / "client"),
            **self.variables,
        }


def _read(terminal: int, process: subprocess.Popen[bytes]) -> bytes:
    if not select.select([terminal], [], [], TIMEOUT_SECONDS)[0]:
        process.kill()
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux says that nobody has the other end any more
        return b""


def _take_terminal() -> None:
    """Make standard input the terminal of this session: a password is asked for there."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))

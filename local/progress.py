"""Progress for the user: one line per step, updated in place on a terminal."""

import shutil
import subprocess
import sys
import time
from typing import TextIO

from local.problem import Problem

LAST_LINES = 15


class Progress:
    """Steps, how long they took, and the end of their output if they fail."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stdout
        self._moving = self._output.isatty()

    def run(self, title: str, command: list[str], advice: str) -> None:
        """Run a program as one step; show its last line of output, and on failure the end of it."""
        self.step(title)
        began = time.monotonic()
        lines: list[str] = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            for line in process.stdout or ():
                lines = [*lines[-LAST_LINES:], line.rstrip()]
                self.step(f"{title}: {line.strip()}", last=False)
        if process.returncode:
            self.done(f"{title}: failed")
            raise Problem("\n".join([*(f"    {line}" for line in lines), advice]))
        self.done(f"{title}: done in {time.monotonic() - began:.0f} s")

    def step(self, text: str, *, last: bool = True) -> None:
        """Show the current step; without a terminal, only if `last` is set."""
        if self._moving:
            width = shutil.get_terminal_size().columns
            print(f"\r\033[K{text[: width - 1]}", end="", file=self._output, flush=True)
        elif last:
            print(text, file=self._output, flush=True)

    def done(self, text: str) -> None:
        """Print a line that stays."""
        print(f"\r\033[K{text}" if self._moving else text, file=self._output, flush=True)

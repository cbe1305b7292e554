"""The commands of local/, run the way a person runs them."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from local.home import ROOT, Home
from local.processes import leftovers

TIMEOUT_SECONDS = 180


class Folder:
    """One home for the commands, with a port for its gateway."""

    def __init__(self, path: Path, **environment: str) -> None:
        self.home = Home(path)
        self.port = free_port()
        self.gateway = f"http://127.0.0.1:{self.port}"
        self._environment = environment

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [f"local/{command}", *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def up(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Start the system in the background."""
        return self.run("up", "--detach", "--port", str(self.port), *arguments)

    def foreground(self, output: Path) -> "subprocess.Popen[bytes]":
        """Start `up` as a person's shell would, in a process group of its own and heeding every signal."""
        with output.open("wb") as file:
            return subprocess.Popen(
                ["env", "--default-signal", "local/up", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def environment(self) -> dict[str, str]:
        """Return what the commands see."""
        return {**os.environ, "LOCAL_HOME": str(self.home.path), **self._environment}

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says."""
        found: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return found

    def processes(self) -> list[int]:
        """Return the processes that this home has."""
        return leftovers.find(self.home)

    def kill_everything(self) -> None:
        """Send kill -9 to every process of this home until none is left."""
        deadline = time.monotonic() + 30
        while found := self.processes():
            assert time.monotonic() < deadline
            for process in found:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(output: Path, text: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a program has written a text."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while text not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)

"""The commands in local/, run as a user runs them."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from local import ports
from local.home import ROOT, Home
from local.processes import leftovers
from tests.local import port_shares

TIMEOUT_SECONDS = 180


class Folder:
    """A home for the commands, with a port for its gateway."""

    def __init__(self, path: Path, **environment: str) -> None:
        self.home = Home(path)
        self.port = free_port()
        self.gateway = f"http://127.0.0.1:{self.port}"
        self._environment = environment

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command and wait for it."""
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
        """Start `up` as a shell would, in its own process group and with default signal handling."""
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
        """Return the environment of the commands."""
        return {**os.environ, "LOCAL_HOME": str(self.home.path), **self._environment}

    def status(self) -> dict[str, Any]:
        """Return the output of `status --json`."""
        found: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return found

    def processes(self) -> list[int]:
        """Return the processes of this home."""
        return leftovers.find(self.home)

    def kill_everything(self) -> None:
        """Send SIGKILL to every process of this home until none is left."""
        deadline = time.monotonic() + 30
        while found := self.processes():
            assert time.monotonic() < deadline
            for process in found:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue


def free_port() -> int:
    """Return a free port that no test gets for a server or an outgoing connection, nor another call soon."""
    while not ports.is_free(port := random.choice(port_shares.of_tests())):
        pass
    return port


def wait_for(output: Path, text: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a program has printed a text."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while text not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)

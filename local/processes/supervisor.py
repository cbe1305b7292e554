"""The process manager: supervisord, started for one home and controlled over its own socket."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from local.home import MARKER, Home
from local.problem import Problem

START_SECONDS = 10.0
STOP_SECONDS = 90.0  # more than all groups together may take
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class Supervisor:
    """One supervisord and its processes."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._started: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str], *, owned: bool = False) -> None:
        """Start supervisord in the background; an owned one ends with the process that started it."""
        program = Path(sys.executable).parent / "supervisord"
        command = [str(program), "-c", "supervisord.conf"]
        if owned:
            command = ["setpriv", "--pdeathsig", "TERM", *command, "-n"]
        with (self.home.log / "supervisord.out").open("w") as output:
            self._started = subprocess.Popen(
                command,
                cwd=self.home.run,
                env={**environment, MARKER: str(self.home.path)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_for_answer(self._started)

    def running(self) -> bool:
        """Tell whether supervisord answers."""
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(5)
                probe.connect(str(self.home.socket))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def states(self) -> dict[str, dict[str, Any]]:
        """Return supervisor's information about each process, by name."""
        return {str(info["name"]): info for info in self._call("getAllProcessInfo")}

    def stop_process(self, name: str) -> None:
        """Stop one process, and wait until it has ended."""
        self._call("stopProcess", self._full(name), True)

    def start_process(self, name: str) -> None:
        """Start one process."""
        self._call("startProcess", self._full(name), False)

    def shutdown(self) -> None:
        """Stop all processes and supervisord itself, and wait until it has ended."""
        deadline = time.monotonic() + STOP_SECONDS
        own: int | None = None
        while own is None and self.running() and time.monotonic() < deadline:
            # While it shuts down, supervisord resets connections or returns a fault: ask again until it has ended.
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Fault):
                own = int(self._call("getPID"))
                self._call("shutdown")
            time.sleep(0.05)
        while own is not None and not _ended(own) and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._started:
            self._started.wait(timeout=STOP_SECONDS)

    def _full(self, name: str) -> str:
        info = self.states().get(name)
        if info is None:
            raise Problem(f"There is no process named {name}; ./local/status lists them.")
        return f"{info['group']}:{name}"

    def _wait_for_answer(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.running():
            if process.poll() not in (None, 0) or time.monotonic() > deadline:
                output = (self.home.log / "supervisord.out").read_text().strip()
                raise Problem(f"The process manager does not start: {output or 'it printed nothing'}")
            time.sleep(0.02)

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.home.socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


def _ended(process: int) -> bool:
    """Tell whether a process has ended, even if its parent has not waited for it yet."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def clean_environment(home: Home) -> dict[str, str]:
    """Return the environment of every process: only PATH, time zone and certificates come from the caller.

    An exported MYSQL_HOST, RABBITMQ_NODENAME or PYTHONPATH could otherwise break a backend or a function.
    """
    kept = {name: os.environ[name] for name in ("TZ", "SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
    return {
        **kept,
        "PATH": program_path(),
        "LANG": "C.UTF-8",
        "HOME": str(home.user_home),
        "XDG_CONFIG_HOME": str(home.user_home / "config"),
        "XDG_DATA_HOME": str(home.user_home / "data"),
    }


def program_path() -> str:
    """Return PATH, with the system folders that a user's PATH often lacks."""
    folders = [*os.environ.get("PATH", "").split(":"), *SYSTEM_FOLDERS]
    return ":".join(dict.fromkeys(folder for folder in folders if folder))

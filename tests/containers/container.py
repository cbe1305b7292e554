"""A running container with the limits and rights that the platforms give it, and its state."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.containers.image import Image
from tests.containers.storage import CommandError, run

START_SECONDS = 60
STOP_SECONDS = 15
GET = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=5)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
"""
WRITABLE = """
import os
for folder, folders, _ in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
    if os.access(folder, os.W_OK):
        print(folder)
"""


@dataclass(frozen=True)
class Container:
    """A container by its id."""

    id: str

    def python(self, program: str, *words: str, seconds: float = 60) -> str:
        """Run a Python program in the container; return what it wrote."""
        return run("podman", "exec", self.id, "python", "-c", program, *words, seconds=seconds)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the document that a probe gets."""
        status, body = self.python(GET, f"http://127.0.0.1:8080{path}").split(" ", 1)
        return int(status), json.loads(body)

    def until_answered(self, path: str, status: int) -> dict[str, Any]:
        """Wait until a probe is answered with the status; return the document."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                got, document = self.get(path)
                if got == status:
                    return document
                trouble = f"{got} {document}"
            except CommandError as error:
                trouble = str(error)
            if time.monotonic() > deadline or not self.runs():
                raise CommandError(f"{trouble}\n{self.log()}")
            time.sleep(0.2)

    def runs(self) -> bool:
        """Tell whether the container still runs."""
        return run("podman", "inspect", "--format", "{{.State.Running}}", self.id).strip() == "true"

    def exit_code(self) -> int:
        """Return what its process ended with."""
        return int(run("podman", "inspect", "--format", "{{.State.ExitCode}}", self.id))

    def log(self) -> str:
        """Return what its process wrote, on both channels."""
        return run("sh", "-c", 'exec podman logs "$1" 2>&1', "sh", self.id)

    def status(self) -> dict[str, str]:
        """Return what the kernel says of process 1."""
        lines = run("podman", "exec", self.id, "cat", "/proc/1/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def writable(self) -> set[str]:
        """Return every folder that its user may write."""
        return set(self.python(WRITABLE).split())

    def stop(self) -> None:
        """Ask the process to end, as the platforms do; kill it if it does not."""
        run("podman", "stop", "--time", str(STOP_SECONDS), self.id)


@contextmanager
def running(image: Image, words: Iterable[str], settings: Mapping[str, str]) -> Iterator[Container]:
    """Yield a container of the image; it is removed afterwards."""
    environment = [f"--env={name}={value}" for name, value in settings.items()]
    # The network is the container's own loopback alone: probes go in by exec.
    container = Container(run("podman", "run", "--detach", "--network=none", *words, *environment, image.name).strip())
    try:
        yield container
    finally:
        run("podman", "rm", "--force", "--time", "0", container.id)

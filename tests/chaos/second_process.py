"""A second process of a function, as a platform starts one under load."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.home import ROOT
from local.web import answers
from tests.chaos.proxy import HOST
from tests.clients.waiting import until
from tests.local.commands import free_port
from tests.local.private import PrivateStack

STOP_SECONDS = 30


@contextmanager
def second_process(stack: PrivateStack, name: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a second process of a function; its temporary files and log are in `folder`."""
    port = free_port()
    command, environment = stack.program(name)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            cwd=ROOT,
            env={**environment, "PORT": str(port), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://{HOST}:{port}"
    try:
        until(lambda: answers(f"{url}/_/health"), f"the second {name}")
        yield url
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)

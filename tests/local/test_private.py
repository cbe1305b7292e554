"""A private system ends with the tests, however they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from local.home import ROOT, Home
from local.processes import leftovers
from tests.local.private import remove_stale

RUN = """
from tests.local.private import private_stack
with private_stack() as system:
    system.need("smtp")
    print(system.home, flush=True)
    input()
"""


def test_a_killed_run_leaves_no_process_and_the_next_run_removes_its_files(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout
        home = Home(Path(run.stdout.readline().strip()))
        assert leftovers.find(home)
        remove_stale(tmp_path)
        assert leftovers.find(home)  # it is running, so it is not touched

        run.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 30
    while leftovers.find(home):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    remove_stale(tmp_path)
    assert not home.path.exists()

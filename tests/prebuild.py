"""Start slow builds when a run begins, at the lowest priority, while other tests run.

`python -m tests.prebuild PART` builds one part. A test that needs it waits for it, and then calls the same build, which
uses what exists, or fails the test with the reason.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from local.home import ROOT
from tests import selection
from tests.containers import building
from tests.tools import programs
from tests.tools.faas_cli import faas_cli
from tests.tools.kn import kn
from tests.tools.openfaas_sdk import openfaas_sdk
from tests.workers import SHORT_FILES, is_together, is_worker

HERE = Path(__file__).resolve().parent
LOCKS = ROOT / ".local" / "prebuild"
MAX_SECONDS = 1800
PAUSE_SECONDS = 0.5
PARTS = {"images": (building.build_all,), "programs": (faas_cli, openfaas_sdk, programs.kind, programs.mailpit, kn)}

_started = pytest.StashKey[list["subprocess.Popen[bytes]"]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the builds that a run without a path needs."""
    config = session.config
    named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    if named or config.option.part not in ("all", "platforms") or config.option.collectonly or is_worker(config):
        return
    config.stash[_started] = [_start(part) for part in PARTS]


def _start(part: str) -> subprocess.Popen[bytes]:
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / part).open("w") as lock:
        # The builder inherits the lock, and holds it until it exits.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.Popen(
            ["nice", "-n", "19", sys.executable, "-m", "tests.prebuild", part],
            cwd=HERE.parent,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock.fileno()],
        )


@pytest.hookimpl(trylast=True)  # after all other orders
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that need a build late, but keep short files for the workers beside one that is long at it."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if is_together(item.nodeid):
        return 1
    if item.get_closest_marker(selection.MARK) is not None:
        return 3
    return 2 if item.nodeid.startswith(SHORT_FILES) else 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wait for the build that the test needs."""
    if item.get_closest_marker(selection.MARK):
        _wait("images" if HERE / "containers" in item.path.parents else "programs")


def _wait(part: str) -> None:
    if not (LOCKS / part).exists():
        return
    deadline = time.monotonic() + MAX_SECONDS
    with (LOCKS / part).open() as lock:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(PAUSE_SECONDS)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop builds that no test waited for."""
    for process in session.config.stash.get(_started, []):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _step_aside() -> None:
    """Lower the priority of this session: where Linux groups processes by session, `nice` works only within one."""
    with suppress(OSError):  # not grouped
        Path("/proc/self/autogroup").write_text("19")


if __name__ == "__main__":
    _step_aside()
    for build in PARTS[sys.argv[1]]:
        build()

"""What takes minutes to build begins with a run of all tests, at the lowest priority, while tests wait for others.

`python -m tests.ahead PART` builds one part. Whoever needs it waits for that, and then builds it all the same: what is
there is taken, and what could not be built is told by the test that misses it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import selection
from tests.containers import building
from tests.tools import programs
from tests.tools.faas_cli import faas_cli
from tests.tools.kn import kn

HERE = Path(__file__).resolve().parent
MOST_SECONDS = 1800
PARTS = {"images": (building.build_all,), "programs": (faas_cli, programs.kind, programs.mailpit, kn)}

_begun = pytest.StashKey[dict[str, "subprocess.Popen[bytes]"]]()


def _part(item: pytest.Item) -> str | None:
    if not item.get_closest_marker(selection.MARK):
        return None
    return "images" if HERE / "containers" in item.path.parents else "programs"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin what a run without a path will need, and put the tests that need it last."""
    if session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS or session.config.option.collectonly:
        return
    session.items.sort(key=lambda item: _part(item) is not None)
    wanted = {part for item in session.items if (part := _part(item))}
    session.config.stash[_begun] = {
        part: subprocess.Popen(
            ["nice", "-n", "19", sys.executable, "-m", "tests.ahead", part],
            cwd=HERE.parent,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for part in sorted(wanted)
    }


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wait for what the test needs."""
    part = _part(item)
    begun = item.config.stash.get(_begun, {})
    if part in begun:
        begun[part].wait(MOST_SECONDS)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what nobody waited for."""
    for process in session.config.stash.get(_begun, {}).values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


if __name__ == "__main__":
    for build in PARTS[sys.argv[1]]:
        build()

"""The end-to-end tests pass with the functions in containers.

These files are the part that fits into a run of all tests; `./local/test --in-containers tests/e2e` runs them all.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.home import ROOT
from tests.containers import building

FILES = (
    "three_lines",
    "login",
    "upload_refused",
    "upload_token",
    "conversions",
    "range",
    "download",
    "jobs",
    "events",
    "serving",
)
MOST_SECONDS = 900


@pytest.mark.platforms
def test_end_to_end_in_containers() -> None:
    building.build_all()
    files = [f"tests/e2e/test_{name}.py" for name in FILES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--in-containers", "--durations=5", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout, done.stdout

"""A run lists what it left out at its end, and in CI skips nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import selection

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_SECONDS = 60
UNUSED = ("hypothesispytest", "schemathesis", "anyio")  # plugins that slow down the start of pytest
TESTS = """
import pytest

def test_passes():
    pass

def test_is_skipped():
    pytest.skip("no network")

@pytest.mark.skipif(True, reason="no display")
def test_is_skipped_by_a_mark():
    pass

@pytest.mark.xfail(strict=True, reason="known")
def test_is_expected_to_fail():
    raise AssertionError

@pytest.mark.requires(True, "a server: set SERVER_URL")
def test_needs_a_server():
    raise AssertionError

@pytest.mark.requires(False, "a printer: set PRINTER_URL")
def test_needs_a_printer():
    pass

@pytest.mark.platforms
def test_in_a_container():
    pass
"""


@pytest.fixture(scope="module")
def runs() -> dict[str, subprocess.CompletedProcess[str]]:
    """The runs so far; some tests look at the same one."""
    return {}


@pytest.fixture
def run(
    tmp_path: Path, request: pytest.FixtureRequest, runs: dict[str, subprocess.CompletedProcess[str]]
) -> subprocess.CompletedProcess[str]:
    """Run the tests above with these arguments, in CI or not."""
    asked = str(request.param)
    if asked not in runs:
        runs[asked] = _run(tmp_path, *request.param)
    return runs[asked]


def _run(folder: Path, environment_given: dict[str, str], words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    (folder / "test_needs.py").write_text(TESTS)
    (folder / "test_file.py").write_text('import pytest\npytest.skip("no file", allow_module_level=True)\n')
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = platforms\ntestpaths = .\naddopts = --strict-markers\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    plugins = ("tests.selection", "tests.closing", "no:cacheprovider", *(f"no:{name}" for name in UNUSED))
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *(word for name in plugins for word in ("-p", name)),
            "--continue-on-collection-errors",
            *words,
        ],
        cwd=folder,
        env={**environment, **environment_given, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("run", [({}, ())], indirect=True, ids=["outside CI"])
def test_outside_ci_a_skip_is_not_a_failure(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed, 3 skipped, 2 deselected, 1 xfailed" in run.stdout


@pytest.mark.parametrize("run", [({"CI": "1"}, ())], indirect=True, ids=["in CI"])
def test_in_ci_a_skip_is_a_failure_with_its_reason(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 1, run.stdout + run.stderr
    assert "1 failed, 2 passed, 2 deselected, 1 xfailed, 2 errors" in run.stdout
    for reason in ("no network", "no display", "no file"):
        assert f"No test may be skipped in CI. Skipped: {reason}" in run.stdout


@pytest.mark.parametrize("run", [({}, ()), ({"CI": "1"}, ())], indirect=True, ids=["outside CI", "in CI"])
def test_what_was_left_out_is_listed(run: subprocess.CompletedProcess[str]) -> None:
    listed = run.stdout.partition("left out")[2].splitlines()
    assert "1 tests: a server: set SERVER_URL" in listed
    assert "1 tests: need a compiler, an image or a container: ./local/test platforms" in listed
    assert not any("a printer" in line for line in listed)


@pytest.mark.parametrize(
    ("run", "passed", "left_out"),
    [
        (({}, ("--part=all",)), "3 passed", []),
        (({}, (".",)), "3 passed", []),
        (({}, ("-m", "platforms")), "1 passed", []),
        (({}, ("--part=platforms",)), "1 passed", ["5 tests: need no compiler, image or container: ./local/test"]),
        (
            ({}, ("--part=quick",)),
            "7 deselected",
            [
                "1 tests: need a compiler, an image or a container: ./local/test platforms",
                "5 tests: not in quick: ./local/test",
            ],
        ),
    ],
    indirect=["run"],
    ids=["all", "a path", "a mark", "platforms", "quick"],
)
def test_a_part_is_run_and_the_others_are_listed(
    run: subprocess.CompletedProcess[str], passed: str, left_out: list[str]
) -> None:
    assert passed in run.stdout.splitlines()[-1], run.stdout
    listed = run.stdout.partition("left out")[2]
    assert [line for line in listed.splitlines() if "./local/test" in line] == left_out


@pytest.mark.parametrize("name", selection.QUICK)
def test_quick_paths_exist(name: str) -> None:
    assert (ROOT / "tests" / name).exists()

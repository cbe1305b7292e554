"""`.ci/run` fails if the tests or a check fails, says which, and ends with pytest's closing line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLOSING = "=== 3 passed, 1 failed in 2.00s ==="
# They end only when the checks, which run beside them, have begun.
TESTS = f"""
[ "$1" = --version ] && exit {{}}
until grep -q check "$(dirname "$0")/../calls"; do sleep 0.05; done
echo '{CLOSING}'
"""
PROGRAMS = {"tests": "local/test", "ruff": ".venv/bin/ruff", "python -m mypy": ".venv/bin/python"}


def run(folder: Path, failing: str) -> subprocess.CompletedProcess[str]:
    """Run the script with stand-ins for the programs, one of which fails."""
    for name, path in PROGRAMS.items():
        program = folder / path
        program.parent.mkdir(parents=True, exist_ok=True)
        output = TESTS.format(int(failing == "installation")) if name == "tests" else f'echo "{path} prints $*"'
        program.write_text(f'#!/bin/sh\necho "$CI $*" >>{folder}/calls\n{output}\nexit {int(name == failing)}\n')
        program.chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    return subprocess.run([folder / ".ci" / "run", "-x"], capture_output=True, text=True, timeout=60, check=False)


def test_everything_is_run(tmp_path: Path) -> None:
    done = run(tmp_path, "nothing")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0] == "1 --version"
    assert sorted(calls[1:]) == ["1 -m mypy", "1 all -x", "1 check .", "1 format --check ."]
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        CLOSING,
        ".venv/bin/ruff prints check .",
        ".venv/bin/ruff prints format --check .",
        ".venv/bin/python prints -m mypy",
        CLOSING,
    ]


def test_nothing_is_run_where_nothing_can_be_installed(tmp_path: Path) -> None:
    done = run(tmp_path, "installation")
    assert (done.returncode, (tmp_path / "calls").read_text()) == (1, "1 --version\n")


@pytest.mark.parametrize(
    ("failing", "names"),
    [("tests", ["tests"]), ("ruff", ["ruff check .", "ruff format --check ."]), ("python -m mypy", ["python -m mypy"])],
)
def test_failures_are_named_above_the_closing_line(failing: str, names: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, failing)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1 - len(names) :] == [*(f"FAILED: {name}" for name in names), CLOSING]

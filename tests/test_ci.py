"""`.ci/run` fails if the tests or a check fails, says which, and ends with pytest's closing line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLOSING = "=== 3 passed, 1 failed in 2.00s ==="
PROGRAMS = {"tests": "local/test", "ruff": ".venv/bin/ruff", "python -m mypy": ".venv/bin/python"}


def run(folder: Path, failing: str) -> subprocess.CompletedProcess[str]:
    """Run the script with stand-ins for the programs, one of which fails."""
    for name, path in PROGRAMS.items():
        program = folder / path
        program.parent.mkdir(parents=True, exist_ok=True)
        output = f"echo '{CLOSING}'" if name == "tests" else f"echo '{path} prints something'"
        program.write_text(f'#!/bin/sh\necho "$CI $*" >>{folder}/calls\n{output}\nexit {int(name == failing)}\n')
        program.chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    return subprocess.run([folder / ".ci" / "run", "-x"], capture_output=True, text=True, timeout=60, check=False)


def test_everything_is_run(tmp_path: Path) -> None:
    done = run(tmp_path, "nothing")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["1 all -x", "1 check .", "1 format --check .", "1 -m mypy"]
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, CLOSING)
    assert "FAILED" not in done.stdout


@pytest.mark.parametrize(
    ("failing", "names"),
    [("tests", ["tests"]), ("ruff", ["ruff check .", "ruff format --check ."]), ("python -m mypy", ["python -m mypy"])],
)
def test_failures_are_named_above_the_closing_line(failing: str, names: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, failing)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1 - len(names) :] == [*(f"FAILED: {name}" for name in names), CLOSING]

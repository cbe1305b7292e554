"""Crash points kill the process, but only if a test has armed them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STEPS = ["convert:work.before", "convert:work.between", "convert:work.after"]
WORK = """
from functions.common import crash
with crash.around("work"):
    print("begun", flush=True)
    crash.point("work.between")
    print("ended", flush=True)
print("alive", flush=True)
"""
KILLED = -9
DEATHS = dict(zip(STEPS, ([], ["begun"], ["begun", "ended"]), strict=True))
ALIVE = ["begun", "ended", "alive"]
TIMEOUT_SECONDS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "passed").mkdir()
    return tmp_path


def work(**settings: str) -> tuple[int, list[str]]:
    """Return the exit code and the output of a process that passes all steps."""
    environment = {"FUNCTION_TARGET": "convert", **settings}
    done = subprocess.run(
        [sys.executable, "-S", "-c", WORK],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout.split()


def test_crash_points_are_off_by_default() -> None:
    assert work() == (0, ALIVE)
    assert work(CRASH_AT=STEPS[0]) == (0, ALIVE)


def test_an_unarmed_step_does_nothing(folder: Path) -> None:
    (folder / "notify:work.before").touch()
    assert work(CRASH_FOLDER=str(folder)) == (0, ALIVE)
    assert (folder / "notify:work.before").exists()


def test_passed_steps_are_recorded(folder: Path) -> None:
    work(CRASH_FOLDER=str(folder))
    assert {path.name for path in (folder / "passed").iterdir()} == set(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_an_armed_step_kills_once(step: str, folder: Path) -> None:
    (folder / step).touch()
    assert work(CRASH_FOLDER=str(folder)) == (KILLED, DEATHS[step])
    assert work(CRASH_FOLDER=str(folder)) == (0, ALIVE)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_named_by_the_environment_kills_always(step: str, folder: Path) -> None:
    for _ in range(2):
        assert work(CRASH_FOLDER=str(folder), CRASH_AT=step) == (KILLED, DEATHS[step])


def test_an_action_that_raises_has_no_step_after_it(folder: Path) -> None:
    (folder / "convert:work.after").touch()
    raising = WORK.replace('crash.point("work.between")', "raise OSError")
    done = subprocess.run(
        [sys.executable, "-S", "-c", raising],
        cwd=ROOT,
        env={"FUNCTION_TARGET": "convert", "CRASH_FOLDER": str(folder)},
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert (folder / "convert:work.after").exists()


def test_no_deployment_enables_crash_points() -> None:
    """The variables are only for tests."""
    deployed = [ROOT / "stack.yml", *(ROOT / "knative").rglob("*.y*ml"), *(ROOT / "local").rglob("*.py")]
    assert [path for path in deployed if "CRASH_" in path.read_text().replace("ERL_CRASH_DUMP", "")] == []

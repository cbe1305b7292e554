"""The home, its process manager, and processes that it has lost."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.home import MARKER, Home
from local.plan import Plan
from local.problem import Problem
from local.processes import configuration, leftovers
from local.processes.program import BACKENDS, Program
from local.processes.supervisor import Supervisor, clean_environment
from local.secret_files import SecretFiles
from local.stack import Stack

IGNORES_TERM = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


@contextmanager
def new_home(path: Path) -> Iterator[Home]:
    """Create a home, and end its processes with the block, even if the test fails."""
    found = Home(path)
    found.make()
    try:
        yield found
    finally:
        leftovers.stop(found)
        found.forget_socket()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with new_home(tmp_path / "home") as found:
        yield found


@contextmanager
def child(command: list[str], home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program of a home without a process manager; kill it at the end of the block."""
    with subprocess.Popen(command, env={**os.environ, MARKER: str(home)}, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def start(home: Home, *programs: Program) -> Supervisor:
    """Start a process manager with some programs."""
    configuration.write(home, list(programs))
    supervisor = Supervisor(home)
    supervisor.start(clean_environment(home))
    for program in programs:
        supervisor.start_process(program.name)
    return supervisor


def echo(text: str, **environment: str) -> Program:
    """Return a program that prints an environment variable and keeps running."""
    command = [sys.executable, "-c", "import os, time; print(os.environ['TEXT'], flush=True); time.sleep(600)"]
    return Program("echo", BACKENDS, command, lambda: True, {"TEXT": text, **environment})


def until_logged(home: Home, text: str) -> None:
    """Wait for a text in the program's log."""
    deadline = time.monotonic() + 10
    while text not in (home.log / "echo.log").read_text():
        assert time.monotonic() < deadline, (home.log / "echo.log").read_text()
        time.sleep(0.05)


def test_an_orphaned_process_is_found_and_killed(home: Home) -> None:
    with (
        child([sys.executable, "-c", IGNORES_TERM], home.path) as stubborn,
        child(["sleep", "600"], Path(f"{home.path}-other")) as other,
    ):
        assert stubborn.stdout
        stubborn.stdout.readline()
        assert leftovers.find(home) == [stubborn.pid]

        leftovers.stop(home, kill_after_seconds=0.5)

        assert stubborn.wait(timeout=5) == -9
        assert other.poll() is None


@pytest.mark.parametrize("text", ["50% 'of' \"it\"; # $HOME `id`", "two\nlines", "a,b=c"])
def test_a_setting_is_passed_to_its_process_unchanged(home: Home, text: str) -> None:
    supervisor = start(home, echo(text))

    until_logged(home, text)
    supervisor.shutdown()


def test_the_callers_environment_is_not_passed_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_HOST", "elsewhere")
    supervisor = start(home, echo("here"))

    until_logged(home, "here")
    process = int(supervisor.states()["echo"]["pid"])
    environment = Path(f"/proc/{process}/environ").read_text()
    supervisor.shutdown()

    assert "MYSQL_HOST" not in environment
    assert f"HOME={home.user_home}\0" in environment
    assert f"TMPDIR={home.tmp / 'echo'}\0" in environment


def test_a_home_with_a_long_path_works_and_leaves_nothing_in_tmp(tmp_path: Path) -> None:
    with new_home(tmp_path / ("deep" * 30) / "h@me") as home:
        folder = home.socket.parent

        supervisor = start(home, echo("deep"))
        until_logged(home, "deep")
        supervisor.shutdown()
        home.forget_socket()

        assert len(os.fsencode(folder)) < 60
        assert not folder.exists()
        assert leftovers.find(home) == []


def test_a_program_that_keeps_exiting_is_reported_with_the_end_of_its_log(home: Home) -> None:
    wrong = Program("wrong", BACKENDS, ["sh", "-c", "echo no such luck; exec false"], lambda: False)
    plan = Plan(home, {}, SecretFiles(home), {}, {"wrong": wrong})
    configuration.write(home, [wrong])
    stack = Stack(plan)
    stack.start_manager()

    with pytest.raises(Problem, match=r"(?s)wrong does not start.*no such luck"):
        stack.start("wrong")

    stack.stop_all()

"""Starting in the foreground, interrupting it, and what prevents a start."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.home import ROOT
from tests.local.commands import Folder, wait_for


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    found = Folder(tmp_path / "home")
    yield found
    found.run("down", "--purge")


@pytest.mark.parametrize(
    ("moment", "number"),
    [("Press Ctrl-C to stop.", signal.SIGINT), ("Converting a sample", signal.SIGINT), ("Starting", signal.SIGTERM)],
)
def test_an_interrupt_leaves_no_process_and_no_lock(
    folder: Folder, tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    output = tmp_path / "output"
    process = folder.foreground(output)
    wait_for(output, moment, process)

    os.killpg(process.pid, number)  # as a terminal does
    process.wait(timeout=60)

    assert "Stopped." in output.read_text()
    assert "Traceback" not in output.read_text()
    assert folder.processes() == []
    with folder.home.lock(wait_seconds=0, busy="still locked"):
        pass


def test_a_used_port_is_reported_before_anything_starts(folder: Folder) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", folder.port))
        other.listen()

        result = folder.up()

    assert result.returncode == 1
    assert result.stderr.startswith(f"Port {folder.port} is in use by another program.")
    assert "Traceback" not in result.stderr
    assert folder.processes() == []


def test_a_folder_with_other_files_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    folder = Folder(tmp_path)
    result = folder.up()
    folder.run("down", "--purge")

    assert result.returncode == 1
    assert "contains other files" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["my home", "it's", "$(x)"])
def test_a_path_that_the_backends_do_not_support_is_refused(tmp_path: Path, name: str) -> None:
    result = Folder(tmp_path / name).up()

    assert result.returncode == 1
    assert "cannot be used" in result.stderr
    assert not (tmp_path / name).exists()


def test_a_backend_that_does_not_answer_is_named(folder: Folder) -> None:
    unreachable = Folder(folder.home.path, SMTP_URL="smtp://127.0.0.1:9?tls=none")

    result = unreachable.up()

    assert result.returncode == 1
    assert "smtp does not answer at smtp://127.0.0.1:9" in result.stderr
    assert unreachable.processes() == []


def test_a_start_during_another_start_is_refused(folder: Folder) -> None:
    folder.home.make()
    with folder.home.lock(wait_seconds=0, busy="locked"):
        result = folder.up()

    assert result.returncode == 1
    assert result.stderr.startswith("Another ./local/up or ./local/down is running")


@pytest.mark.parametrize("command", ["up", "down", "status", "logs", "users", "jobs", "test", "bench", "chaos"])
def test_every_command_has_help(command: str) -> None:
    result = subprocess.run(
        [f"local/{command}", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )

    assert result.stdout.startswith(f"usage: ./local/{command}")


def test_a_wrong_option_is_refused_without_a_traceback() -> None:
    result = subprocess.run(
        ["local/up", "--prot", "1"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )

    assert result.returncode == 2
    assert "unrecognized arguments: --prot 1" in result.stderr

"""./local/jobs: on which servers the operator's commands run."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from local.commands import jobs
from local.home import Home
from local.problem import Problem
from local.processes import configuration
from local.processes.supervisor import Supervisor
from local.secret_files import SecretFiles

REMOTE = {"MONGODB_URL": "mongodb://remote/", "RABBITMQ_URL": "amqp://remote/x"}
LOCAL = {"MONGODB_URL": "mongodb://local/", "RABBITMQ_URL": "amqp://local/x"}


@pytest.fixture
def running(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose system is running; nothing in the environment names a server."""
    monkeypatch.setenv("LOCAL_HOME", str(home.path))
    for name in REMOTE:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    for name, file in jobs.URLS.items():
        SecretFiles(home).write(file, LOCAL[name])
    configuration.write_operator(home, {"MAX_ATTEMPTS": "5", "MONGODB_URL_FILE": "/file"})
    monkeypatch.setattr(Supervisor, "running", lambda self: True)
    monkeypatch.setattr(os, "execve", lambda *_arguments: pytest.fail("a program was started"))
    return home


def executed(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], dict[str, str]]:
    """Run a command; return the words and the environment of the program that replaces this one."""
    found: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda program, words, environment: found.extend([words, environment]))
    jobs.run(Namespace(rest=["retry", "ID"]))
    return found[0], found[1]


def test_the_words_are_passed_on(running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    words, _ = executed(monkeypatch)
    assert words == [sys.executable, "-E", "-s", "-m", "functions.jobs", "retry", "ID"]


def test_without_servers_it_is_the_local_system(running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings of its functions, and nothing else of the user's environment."""
    monkeypatch.setenv("MAX_ATTEMPTS", "9")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    _, environment = executed(monkeypatch)
    assert (environment["MAX_ATTEMPTS"], environment["MONGODB_URL_FILE"]) == ("5", "/file")
    assert "PYTHONPATH" not in environment


@pytest.mark.parametrize("as_files", [True, False])
def test_two_servers_are_a_remote_system(
    as_files: bool, running: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in REMOTE.items():
        file = tmp_path / name
        file.write_text(url)
        monkeypatch.setenv(f"{name}_FILE" if as_files else name, str(file) if as_files else url)
    monkeypatch.setenv("MAX_ATTEMPTS", "9")
    _, environment = executed(monkeypatch)
    assert environment["MAX_ATTEMPTS"] == "9"
    assert environment.get("MONGODB_URL") == (None if as_files else REMOTE["MONGODB_URL"])


@pytest.mark.parametrize("name", REMOTE)
def test_one_server_may_be_that_of_the_local_system(name: str, running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local system was started with this server."""
    monkeypatch.setenv(name, LOCAL[name])
    assert executed(monkeypatch)[1]["MAX_ATTEMPTS"] == "5"


@pytest.mark.parametrize(("name", "missing"), [("MONGODB_URL", "RABBITMQ_URL"), ("RABBITMQ_URL", "MONGODB_URL")])
def test_one_other_server_is_a_mistake(name: str, missing: str, running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not touch the jobs of one system with the events of another."""
    monkeypatch.setenv(name, REMOTE[name])
    with pytest.raises(Problem, match=rf"^{name} is set, but {missing} is not\."):
        jobs.run(Namespace(rest=["dead"]))


def test_a_stopped_system_is_reported(running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Supervisor, "running", lambda self: False)
    with pytest.raises(Problem, match=r"^Not running\. Start it with \./local/up, or set"):
        jobs.run(Namespace(rest=["dead"]))


def test_a_system_that_was_never_started_is_reported(running: Home) -> None:
    (running.run / "operator.json").unlink()
    with pytest.raises(Problem, match=r"^Not running\."):
        jobs.run(Namespace(rest=["dead"]))

"""Command lines: what each command accepts, and what ends with a message before anything is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local import arguments
from local.home import DEFAULT, ROOT

JOB = "376b7472-1f38-4307-b0c5-8df8aa6286ed"
REQUIRED = {"users": ["add", "ada@example.org"], "jobs": ["dead"], "cluster/secrets": ["--smtp-url", "smtp://relay"]}
CLUSTER = {"current": False, "registry": "", "yes": False, "openfaas": False, "domain": None, "port": 8080}
COMMANDS = [*arguments.OPTIONS, "jobs", "mp3"]


def parsed(command: str, *words: str) -> dict[str, Any]:
    return vars(arguments.parse(command, list(words)))


@pytest.mark.parametrize(
    ("line", "options"),
    [
        (["up"], {"detach": False, "port": 8080}),
        (["up", "--detach", "--port", "1"], {"detach": True, "port": 1}),
        (["up", "--port=65535"], {"detach": False, "port": 65535}),
        (["down"], {"purge": False}),
        (["down", "--purge"], {"purge": True}),
        (["status", "--json"], {"json": True}),
        (["logs"], {"name": None, "follow": False, "lines": 50}),
        (["logs", "convert", "-f", "-n", "7"], {"name": "convert", "follow": True, "lines": 7}),
        (["users", "add", "a@b", "--password", "x"], {"rest": ["add", "a@b", "--password", "x"]}),
        (["keys"], {"action": None}),
        (["keys", "rotate"], {"action": "rotate"}),
        (["chaos"], {"seconds": 60.0, "seed": None, "guards": False}),
        (["chaos", "--seconds", "5", "--seed", "-3"], {"seconds": 5.0, "seed": -3, "guards": False}),
        (["corpus"], {"into": DEFAULT / "corpus"}),
        (["corpus", "--into", "x"], {"into": Path("x")}),
        (["test", "quick", "-k", "head", "-x"], {"rest": ["quick", "-k", "head", "-x"]}),
        (["test"], {"rest": []}),
        (["bench", "upload", "--size", "3"], {"name": "upload", "rest": ["--size", "3"]}),
        (["jobs", "replay", "--all"], {"rest": ["replay", "--all"]}),
        (["jobs", "retry", JOB], {"rest": ["retry", JOB]}),
        (["mp3", "convert", "a.mp4", "--bitrate", "64"], {"rest": ["convert", "a.mp4", "--bitrate", "64"]}),
        (["cluster/up"], CLUSTER),
        (["cluster/up", "--current", "--yes"], {**CLUSTER, "current": True, "yes": True}),
        (["cluster/up", "--domain", "mp3.example.com"], {**CLUSTER, "domain": "mp3.example.com"}),
        (["cluster/keys"], {"action": None, "openfaas": False, "current": False}),
        (["cluster/keys", "rotate", "--openfaas"], {"action": "rotate", "openfaas": True, "current": False}),
        (["cluster/down"], {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_line_is_parsed(line: list[str], options: dict[str, Any]) -> None:
    command, *words = line
    assert parsed(command, *words) == options


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["up", "--port", "0"], "must be a number from 1 to 65535"),
        (["up", "--port", "65536"], "must be a number from 1 to 65535"),
        (["up", "--port", "-1"], "must be a number from 1 to 65535"),
        (["up", "--port", "80.5"], "must be a number from 1 to 65535"),
        (["up", "--port", ""], "must be a number from 1 to 65535"),
        (["up", "--port"], "expected one argument"),
        (["up", "--det"], "unrecognized arguments: --det"),
        (["up", "now"], "unrecognized arguments: now"),
        (["down", "--pur"], "unrecognized arguments: --pur"),
        (["logs", "-n", "x"], "invalid int value"),
        (["users"], "ACTION"),
        (["users", "delete"], "invalid choice: 'delete'"),
        (["keys", "drop"], "invalid choice: 'drop'"),
        (["users", "add"], "email"),
        (["chaos", "--seconds", "0"], "must be a whole number of seconds, at least 1"),
        (["chaos", "--seconds", "1.5"], "must be a whole number of seconds, at least 1"),
        (["jobs"], "ACTION"),
        (["jobs", "replay"], "one of the arguments ID --all is required"),
        (["jobs", "retry", "x"], "an id looks like"),
        (["mp3"], "COMMAND"),
        (["mp3", "convert", "x", "--bitrate", "65"], "it takes 32, 40"),
        (["cluster/up", "--port", "x"], "must be a number from 1 to 65535"),
        (["cluster/up", "--domain", "http://x.example.com"], "must be a domain in lower case"),
        (["cluster/up", "--domain", "localhost"], "must be a domain in lower case"),
        (["cluster/up", "--domain", "svc.cluster.local"], "must be a domain in lower case"),
        (["cluster/up", "--openfaas", "--domain", "x.example.com"], "not allowed with argument --openfaas"),
        (["cluster/secrets"], "--smtp-url"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_explained(line: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, *words = line
    with pytest.raises(SystemExit) as ended:
        parsed(command, *words)
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in error
    assert f"./local/{command}" in error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_module(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(command, "--help")
    assert ended.value.code == 0
    assert f"./local/{command}" in capsys.readouterr().out
    assert (ROOT / "local" / "commands" / f"{command.replace('/', '_')}.py").is_file()
    assert (ROOT / "local" / command).is_file()


@pytest.mark.parametrize("command", sorted({*arguments.OPTIONS} - set(arguments.PASSING_ON)))
def test_only_tests_and_benchmarks_take_other_arguments(command: str) -> None:
    with pytest.raises(SystemExit):
        parsed(command, *REQUIRED.get(command, []), "--unknown")


def test_help_needs_nothing_that_is_installed() -> None:
    """Only the standard library, with any Python."""
    lines = {"jobs": ["dead"], "mp3": ["list"], "up": []}
    code = "; ".join(["from local import arguments", *(f"arguments.parse(*{line})" for line in lines.items())])
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = ['.']; {code}"], cwd=ROOT, check=True
    )

"""The process manager's files: each value arrives unchanged, and groups stop in order."""

from __future__ import annotations

import configparser
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from local.home import Home
from local.processes import configuration
from local.processes.program import BACKENDS, EDGE, Program

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
TEXTS = [
    "plain",
    "",
    " ",
    "50% 'of' \"it\"; # $HOME `id`",
    "two\nlines",
    "a,b=c",
    "\\",
    "$(id)",
    "-n",
    "grün",
    "*",
    "~",
]


def program(name: str = "echo", group: str = EDGE, *words: str, **environment: str) -> Program:
    return Program(name, group, [sys.executable, "-S", "-c", SHOW, *words], lambda: True, environment, 25)


def parsed(home: Home) -> configparser.RawConfigParser:
    found = configparser.RawConfigParser()
    found.read(home.run / "supervisord.conf")
    return found


def test_words_and_settings_arrive_unchanged(home: Home) -> None:
    """Nothing of them is interpreted by the shell or by supervisor."""
    environment = {f"TEXT_{number}": text for number, text in enumerate(TEXTS)}
    configuration.write(home, [program("echo", EDGE, *TEXTS, **environment)])
    done = subprocess.run(
        ["/bin/sh", "echo.sh"], cwd=home.run, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    words, seen, folder = json.loads(done.stdout)
    assert words == TEXTS
    assert {name: seen[name] for name in environment} == environment
    assert Path(folder, "functions").is_dir()


def test_each_process_has_an_empty_temporary_folder(home: Home) -> None:
    """Even after a process that was killed."""
    left = home.tmp / "echo" / "left"
    left.mkdir(parents=True)
    configuration.write(home, [program()])
    done = subprocess.run(["/bin/sh", "echo.sh"], cwd=home.run, capture_output=True, check=True)
    assert json.loads(done.stdout)[1]["TMPDIR"] == str(home.tmp / "echo")
    assert list((home.tmp / "echo").iterdir()) == []


def test_the_pipe_to_a_program_stays_open_if_the_program_closes_it(home: Home) -> None:
    """supervisord polls it, and the kernel would report an error at once, for ever."""
    deaf = Program("deaf", BACKENDS, ["sh", "-c", "exec <&-; echo closed; exec sleep 600"], lambda: True)
    configuration.write(home, [deaf])
    command = ["/bin/sh", "deaf.sh"]
    with subprocess.Popen(command, cwd=home.run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin
            assert process.stdout
            assert process.stdout.readline() == b"closed\n"
            poll = select.poll()
            poll.register(process.stdin, 0)
            assert poll.poll(0) == []
        finally:
            process.kill()


def test_the_shell_becomes_the_process(home: Home) -> None:
    """Otherwise a killed shell would leave it behind."""
    configuration.write(home, [program()])
    assert (home.run / "echo.sh").read_text().splitlines()[-1].partition(" && ")[2].startswith("exec ")


def test_every_program_is_restarted_and_stopped_with_its_children(home: Home) -> None:
    configuration.write(home, [program("mysql", BACKENDS), program("login")])
    found = parsed(home)
    for name in ("mysql", "login"):
        section = found[f"program:{name}"]
        assert section["command"] == f"/bin/sh {name}.sh"
        assert (section["autostart"], section["autorestart"], section["killasgroup"]) == ("false", "true", "true")
        assert section["stopwaitsecs"] == "25"
        assert section["stdout_logfile"] == f"../log/{name}.log"


def test_functions_stop_before_the_backends(home: Home) -> None:
    """They return their jobs to the database. supervisor stops the highest priority first."""
    configuration.write(home, [program("login"), program("mysql", BACKENDS), program("gateway")])
    found = parsed(home)
    assert found["group:edge"]["programs"] == "login,gateway"
    assert found["group:backends"]["programs"] == "mysql"
    assert int(found["group:edge"]["priority"]) > int(found["group:backends"]["priority"])


def test_a_group_without_programs_is_left_out(home: Home) -> None:
    """All backends may be external, and supervisor refuses an empty group."""
    configuration.write(home, [program("login")])
    assert "group:backends" not in parsed(home)


def test_only_the_owner_can_use_the_socket(home: Home) -> None:
    configuration.write(home, [])
    found = parsed(home)
    assert (found["unix_http_server"]["chmod"], found["supervisord"]["umask"]) == ("0700", "077")
    assert Path(home.run, found["unix_http_server"]["file"]).resolve() == home.socket.resolve()


def test_a_socket_elsewhere_is_named_in_full(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 20))
    home.make()
    configuration.write(home, [])
    assert parsed(home)["unix_http_server"]["file"] == str(home.socket)
    home.forget_socket()


def test_the_operators_settings_are_read_back(home: Home) -> None:
    assert configuration.read_operator(home) == {}
    settings = {"MONGODB_URL_FILE": "/x y/'z'", "MAX_ATTEMPTS": "5"}
    configuration.write_operator(home, settings)
    assert configuration.read_operator(home) == settings


@pytest.mark.parametrize("name", ["echo.sh", "supervisord.conf"])
def test_files_are_replaced(name: str, home: Home) -> None:
    configuration.write(home, [program(OLD="x")])
    before = (home.run / name).read_text()
    configuration.write(home, [program("echo", BACKENDS, NEW="y")])
    after = (home.run / name).read_text()
    assert after != before
    assert "OLD" not in after

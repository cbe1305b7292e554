"""MySQL: how the local system connects to a server, and how it starts its own."""

from __future__ import annotations

import os
import ssl
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest

from local.backends import mysql
from local.home import Home
from local.problem import Problem
from local.secret_files import SecretFiles

PASSWORD = "a/b:c@d"


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments of the last connection."""
    found: dict[str, Any] = {}

    def connect(**given: Any) -> None:
        found.clear()
        found.update(given)

    monkeypatch.setattr(pymysql, "connect", connect)
    return found


@pytest.fixture
def secrets(home: Home) -> SecretFiles:
    found = SecretFiles(home)
    for name in ("mysql_root_password", *(f"mysql_{user}_password" for user in mysql.USERS)):
        found.write(name, PASSWORD)
    return found


@pytest.mark.parametrize("query", ["", "?other=1", "?tls=required", "?tls=none&tls=required"])
def test_tls_is_required_and_verified_by_default(query: str, options: dict[str, Any]) -> None:
    """No password is sent without it, as by the functions."""
    mysql.connect(f"mysql://ada:word@db/mine{query}")
    assert not options["ssl_disabled"]
    assert (options["ssl"].check_hostname, options["ssl"].verify_mode) == (True, ssl.CERT_REQUIRED)


def test_tls_can_be_turned_off(options: dict[str, Any]) -> None:
    mysql.connect("mysql://ada:word@db/mine?tls=none")
    assert (options["ssl_disabled"], options["ssl"]) == (True, None)


def test_the_parts_of_a_url_are_decoded(options: dict[str, Any]) -> None:
    mysql.connect("mysql://ada%40x:p%2Fw@db:3307/mine?tls=none")
    assert {name: options[name] for name in ("host", "port", "user", "password", "database")} == {
        "host": "db",
        "port": 3307,
        "user": "ada@x",
        "password": "p/w",
        "database": "mine",
    }
    mysql.connect("mysql://db")
    assert (options["port"], options["database"]) == (3306, None)


def test_a_server_that_refuses_us_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: Any) -> None:
        raise pymysql.err.OperationalError(1045, "Access denied")

    monkeypatch.setattr(pymysql, "connect", refuse)
    assert not mysql.answers("mysql://db/mine")
    with pytest.raises(Problem, match=r"schema\.sql could not be created: Access denied\. Create them yourself"):
        mysql.apply_schema("mysql://db/mine")


def test_the_private_server_only_listens_on_the_loopback_interface(home: Home, secrets: SecretFiles) -> None:
    backend = mysql.private(home, 23456, secrets)
    [program] = backend.programs
    assert {"--port=23456", "--bind-address=127.0.0.1", "--skip-name-resolve"} <= set(program.command)
    assert ("--user=root" in program.command) == (os.geteuid() == 0)
    parts = urlsplit(backend.url)
    assert (parts.username, parts.hostname, parts.port, parts.path) == ("login", "127.0.0.1", 23456, "/mp3converter")
    assert PASSWORD not in backend.url


def test_passwords_are_escaped_in_urls(options: dict[str, Any], home: Home, secrets: SecretFiles) -> None:
    for url in (mysql.private(home, 23456, secrets).url, mysql.root_url(23456, secrets)):
        mysql.connect(url)
        assert (options["password"], options["database"]) == (PASSWORD, "mp3converter")


def test_passwords_are_set_before_the_server_accepts_connections(home: Home, secrets: SecretFiles) -> None:
    """In a file that only its owner can read; login's rights on its table survive a restart."""
    backend = mysql.private(home, 23456, secrets)
    file = secrets.path("mariadb-rights.sql")
    assert f"--init-file={file}" in backend.programs[0].command
    assert file.stat().st_mode & 0o777 == 0o600
    statements = file.read_text().splitlines()
    assert all(statement.endswith(";") for statement in statements)
    assert sum(f"IDENTIFIED BY '{PASSWORD}'" in statement for statement in statements) == 6
    assert not any("OR REPLACE" in statement for statement in statements)


def test_a_data_folder_is_only_used_once_it_is_complete(
    home: Home, secrets: SecretFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[list[str]] = []

    class Done:
        returncode, stdout, stderr = 1, "", "disk full"

    def run(command: list[str], **_options: Any) -> Done:
        made.append(command)
        folder = home.data / "mariadb.new"
        folder.mkdir()
        return Done()

    monkeypatch.setattr("subprocess.run", run)
    backend = mysql.private(home, 23456, secrets)
    with pytest.raises(Problem, match="disk full"):
        backend.prepare()
    assert not (home.data / "mariadb").exists()
    Done.returncode = 0
    backend.prepare()
    assert (home.data / "mariadb").is_dir()
    backend.prepare()
    assert len(made) == 2, "an existing folder is kept"


def test_a_disk_without_room_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    monkeypatch.setattr(mysql, "ROOM_MB", 10**12)  # more than this disk has
    with pytest.raises(Problem, match=r"MB are free in .*Free some space, or set LOCAL_HOME"):
        mysql._install(home, home.data / "mysql")

"""What processes see of the user's environment."""

from __future__ import annotations

import os

import pytest

from local.home import Home
from local.processes.supervisor import SYSTEM_FOLDERS, Supervisor, clean_environment, program_path

KEPT = {"TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"}


def test_only_these_variables_are_passed_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """MYSQL_HOST, PYTHONPATH or a proxy would lead a process astray."""
    for name in ("MYSQL_HOST", "PYTHONPATH", "RABBITMQ_NODENAME", "http_proxy", "LOCAL_HOME", "TMPDIR"):
        monkeypatch.setenv(name, "elsewhere")
    for name in KEPT:
        monkeypatch.setenv(name, f"kept {name}")
    found = clean_environment(home)
    assert {name for name, value in found.items() if value.startswith("kept")} == {
        "TZ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    }
    assert "elsewhere" not in found.values()
    assert found.keys() - KEPT == {"PATH", "LANG", "HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}


def test_processes_write_to_the_home_instead_of_the_users(home: Home) -> None:
    found = clean_environment(home)
    assert {found[name].startswith(str(home.path)) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")} == {True}


def test_a_variable_that_is_not_set_stays_unset(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    assert "TZ" not in clean_environment(home)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", list(SYSTEM_FOLDERS)),
        ("/opt/bin:/usr/bin", ["/opt/bin", "/usr/bin", *(each for each in SYSTEM_FOLDERS if each != "/usr/bin")]),
        ("/opt/bin::/opt/bin:", ["/opt/bin", *SYSTEM_FOLDERS]),
    ],
)
def test_system_folders_follow_the_users_path(path: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own come first, and each only once; an empty entry would be the current folder."""
    monkeypatch.setenv("PATH", path)
    assert program_path().split(":") == found


def test_without_a_path_there_are_the_system_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert program_path().split(":") == list(SYSTEM_FOLDERS)
    assert os.environ.get("PATH") is None


def test_a_manager_without_a_socket_is_not_running(home: Home) -> None:
    assert not Supervisor(home).running()
    Supervisor(home).shutdown()

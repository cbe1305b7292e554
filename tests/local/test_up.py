"""A system started with ./local/up, as its user sees it."""

import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local import sample, stack_file, version
from local.processes.supervisor import Supervisor
from tests.local.commands import Folder


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folder, str]]:
    """A running system and what `up` printed."""
    folder = Folder(tmp_path_factory.mktemp("up") / "home")
    try:
        result = folder.up()
        assert result.returncode == 0, result.stdout + result.stderr
        yield folder, result.stdout
    finally:
        folder.run("down", "--purge")


@pytest.fixture
def folder(started: tuple[Folder, str]) -> Folder:
    return started[0]


@pytest.fixture
def printed(started: tuple[Folder, str]) -> str:
    return started[1]


def test_the_printed_lines_work_when_pasted(folder: Folder, printed: str, tmp_path: Path) -> None:
    lines = printed[printed.index("TOKEN=") : printed.index("Running in the background")]

    subprocess.run(["bash", "-c", lines], cwd=tmp_path, check=True, timeout=60, capture_output=True)

    sample.check(tmp_path / "out.mp3")


def test_status_shows_everything(folder: Folder, printed: str) -> None:
    status = folder.status()

    assert status["healthy"] is True
    assert status["gateway"] == folder.gateway
    assert status["version"] == version.own()
    assert set(status["functions"]) == set(stack_file.functions())
    assert set(status["backends"]) == {"mysql", "mongodb", "rabbitmq", "smtp"}
    for entry in [*status["functions"].values(), *status["backends"].values()]:
        assert entry["healthy"] is True
        assert entry["url"].rpartition("/")[0]
    assert status["mailbox"] in printed
    assert status["user"]["email"] in printed
    assert status["user"]["password"] in printed


def test_status_does_not_show_the_passwords_of_backends(folder: Folder) -> None:
    shown = str(folder.status()["backends"])

    assert "@" not in shown
    for secret in folder.home.secrets.glob("*password"):
        assert secret.read_text() not in shown


def test_a_second_up_is_refused(folder: Folder) -> None:
    result = folder.up()

    assert result.returncode == 1
    assert result.stderr.startswith("Already running.")
    assert folder.status()["healthy"] is True


def test_only_the_owner_can_read_secrets(folder: Folder) -> None:
    assert stat.S_IMODE(folder.home.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.home.secrets.stat().st_mode) == 0o700
    for secret in folder.home.secrets.iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret


def test_no_process_shows_a_secret_on_its_command_line(folder: Folder) -> None:
    secrets = [path.read_text() for path in folder.home.secrets.iterdir()]
    lines = [Path(f"/proc/{process}/cmdline").read_bytes().decode() for process in folder.processes()]

    assert len(lines) > 10
    assert not [line for line in lines if any(secret in line for secret in secrets)]


def test_a_new_user_can_log_in(folder: Folder) -> None:
    result = folder.run("users", "add", "new@example.org")
    password = re.search(r"Password, shown only once: (\S+)", result.stdout)

    assert result.returncode == 0
    assert password
    assert (
        requests.post(f"{folder.gateway}/login", auth=("new@example.org", password[1]), timeout=10).status_code == 200
    )


def test_a_user_cannot_be_added_twice(folder: Folder) -> None:
    folder.run("users", "add", "twice@example.org", "--password", "a long enough password")
    result = folder.run("users", "add", "twice@example.org")

    assert (result.returncode, result.stderr) == (1, "The user twice@example.org already exists.\n")


def test_an_invalid_address_is_refused(folder: Folder) -> None:
    result = folder.run("users", "add", "no-at-sign")

    assert (result.returncode, result.stderr) == (1, "no-at-sign is not a valid e-mail address.\n")


def test_logs_shows_the_log_of_a_function(folder: Folder) -> None:
    assert '"function"' in folder.run("logs", "login").stdout
    assert "==> " in folder.run("logs").stdout

    result = folder.run("logs", "nothing")
    assert result.returncode == 1
    assert "There is no log of nothing" in result.stderr


def test_a_function_that_is_down_is_reported_everywhere(folder: Folder) -> None:
    supervisor = Supervisor(folder.home)
    supervisor.stop_process("download")

    answer = requests.get(f"{folder.gateway}/download", timeout=10)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["code"] == "unavailable"
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"]
    described = requests.get(f"{folder.gateway}/system/function/download", timeout=10).json()
    assert described["availableReplicas"] == 0
    assert folder.status()["functions"]["download"]["healthy"] is False
    assert folder.run("status").returncode == 1

    supervisor.start_process("download")


def test_users_files_and_addresses_survive_a_kill_of_everything(folder: Folder) -> None:
    before = folder.status()
    folder.kill_everything()

    result = folder.up()

    assert result.returncode == 0, result.stdout + result.stderr
    after = folder.status()
    assert after["healthy"] is True
    assert after["user"] == before["user"]
    assert after["backends"]["mongodb"]["url"] == before["backends"]["mongodb"]["url"]
    assert len(requests.get(f"{after['mailbox']}/messages", timeout=10).json()) >= 2


def test_down_leaves_no_process_and_purge_no_file(folder: Folder) -> None:
    assert folder.run("down").stdout == "Stopped.\n"
    assert folder.processes() == []
    assert folder.run("status").stdout.startswith("Not running.")
    assert folder.run("down").stdout == "Not running.\n"
    assert folder.home.path.exists()

    assert folder.run("down", "--purge").returncode == 0
    assert not folder.home.path.exists()

"""./local/status: what is gathered, and how it is shown."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import pytest

from local import ports, version
from local.commands import status
from local.home import Home
from local.secret_files import SecretFiles
from tests.local.commands import free_port

DOWN = {"url": "http://127.0.0.1:2", "healthy": False}
UP = {"url": "http://127.0.0.1:3", "healthy": True}
RUNNING: dict[str, Any] = {
    "version": "1.2.3",
    "running": True,
    "healthy": False,
    "gateway": "http://127.0.0.1:8080",
    "functions": {"login": UP, "convert": DOWN},
    "mailbox": "http://127.0.0.1:9",
    "user": {"email": "you@example.com", "password": "word"},
    "backends": {"mysql": {**UP, "url": "mysql://127.0.0.1:4/x"}},
}


def test_a_home_that_was_never_started(home: Home) -> None:
    found = status.gather(home)
    assert found == {
        "version": version.own(),
        "running": False,
        "healthy": False,
        "gateway": None,
        "functions": {},
        "mailbox": None,
        "user": None,
        "backends": {},
    }


def test_a_start_that_failed_early(home: Home) -> None:
    """Ports were chosen, but no URL was written."""
    gateway = free_port()  # not the default, at which a system may run
    chosen = ports.assign(home, gateway)
    found = status.gather(home)
    assert (found["running"], found["healthy"], found["backends"]) == (False, False, {})
    assert found["gateway"] == f"http://127.0.0.1:{gateway}"
    assert found["functions"]["login"] == {"url": f"http://127.0.0.1:{chosen['login']}", "healthy": False}


@pytest.mark.parametrize("private", [True, False])
def test_a_stopped_system_is_described_without_passwords(private: bool, home: Home) -> None:
    chosen, secrets = ports.assign(home, None), SecretFiles(home)
    relay = f"smtp://127.0.0.1:{chosen['smtp']}?tls=none" if private else "smtp://ada:sesame@relay:587"
    urls = {"mysql": "mysql://login:sesame@db/x", "mongodb": "mongodb://a:1,b:2/", "rabbitmq": "amqp://x:sesame@c/v"}
    for name, url in {**urls, "smtp": relay}.items():
        secrets.write(f"{name}_url", url)
    found = status.gather(home)
    assert not found["healthy"]
    assert list(found["backends"]) == ["mysql", "mongodb", "rabbitmq", "smtp"]
    assert found["backends"]["mysql"] == {"url": "mysql://db/x", "host": "db", "port": None, "healthy": False}
    assert found["mailbox"] == (f"http://127.0.0.1:{chosen['mailbox']}" if private else None)
    assert "sesame" not in json.dumps(found)


def test_the_table_names_what_is_down() -> None:
    assert status._table(RUNNING).splitlines() == [
        "      gateway     http://127.0.0.1:8080  version 1.2.3",
        "ok    login       http://127.0.0.1:3",
        "DOWN  convert     http://127.0.0.1:2",
        "ok    mysql       mysql://127.0.0.1:4/x",
        "",
        "mailbox   http://127.0.0.1:9",
        "user      you@example.com  word",
    ]


def test_without_a_mailbox_and_a_user_the_table_says_so() -> None:
    lines = status._table({**RUNNING, "mailbox": None, "user": None}).splitlines()
    assert [line.rstrip() for line in lines[-2:]] == ["mailbox   none", "user      none yet"]


def test_a_stopped_system_has_no_table() -> None:
    assert status._table({**RUNNING, "running": False}) == "Not running. Start it with: ./local/up"


@pytest.mark.parametrize(("healthy", "code"), [(True, 0), (False, 1)])
def test_the_exit_status_tells_whether_all_is_healthy(
    healthy: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "gather", lambda home: {**RUNNING, "healthy": healthy})
    assert status.run(Namespace(json=True)) == code
    assert json.loads(capsys.readouterr().out) == {**RUNNING, "healthy": healthy}
    assert status.run(Namespace(json=False)) == code

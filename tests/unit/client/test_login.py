"""Logging in: a key where the service has them, else a token, and never both."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

from mp3converter_client import login, main, store
from mp3converter_client.failure import Failure, Wrong
from tests.unit.client.scripted import Line, Script, playing, problem, said

KEY = said({"key": "mp3_KEY", "id": "17", "name": "x", "hint": "_KEY", "created": "", "expires": ""}, 201)
TOKEN = said({"token": "TOKEN", "token_type": "Bearer", "expires_in": 3600})
GONE = Line(204)


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody at a terminal, on a machine without a keyring."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: " ada@example.org ")
    monkeypatch.setattr("getpass.getpass", lambda _: "pässword")


def asked(script: Script) -> list[str]:
    return [f"{seen.method} {seen.target} {seen.headers['Authorization']}" for seen in script.seen]


BASIC = f"Basic {base64.b64encode('ada@example.org:pässword'.encode()).decode()}"


def test_a_key_is_made_and_tried() -> None:
    with playing(KEY, said({})) as script:
        login.log_in({}, script.url, None)
    assert asked(script) == [f"POST /login/keys {BASIC}", "GET /upload/usage Bearer mp3_KEY"]
    assert json.loads(script.seen[0].body)["name"].startswith("mp3 on ")
    kept = store.kept()
    assert kept
    assert (kept.url, kept.email, kept.secret, kept.key_id) == (script.url, "ada@example.org", "mp3_KEY", "17")


@pytest.mark.parametrize("status", [404, 405, 409])
def test_without_keys_a_token_is_kept(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    with playing(problem(status, "no"), TOKEN) as script:
        login.log_in({}, script.url, None)
    assert asked(script)[1] == f"POST /login {BASIC}"
    assert script.seen[1].headers["Accept"] == "application/json"
    kept = store.kept()
    assert kept
    assert (kept.secret, kept.key_id) == ("TOKEN", None)
    assert "a token instead of a key" in capsys.readouterr().err


def test_a_wrong_address_is_said() -> None:
    with playing(*[problem(404, "not_found")] * 2) as script, pytest.raises(Failure, match=f"at {script.url}"):
        login.log_in({}, script.url, None)


def test_a_key_that_is_not_taken_is_revoked() -> None:
    with playing(KEY, problem(401, "keys_not_taken"), GONE, TOKEN) as script:
        login.log_in({}, script.url, None)
    assert asked(script)[2] == "DELETE /login/keys/17 Bearer mp3_KEY"
    kept = store.kept()
    assert kept
    assert (kept.secret, kept.key_id) == ("TOKEN", None)


def test_a_key_that_could_not_be_tried_is_not_kept() -> None:
    with playing(KEY, problem(500, "internal"), GONE) as script, pytest.raises(Failure):
        login.log_in({}, script.url, None)
    assert asked(script)[2:] == ["DELETE /login/keys/17 Bearer mp3_KEY"]
    assert store.kept() is None


def test_a_second_login_revokes_the_first_key() -> None:
    with playing(KEY, said({}), KEY, said({}), GONE) as script:
        login.log_in({}, script.url, None)
        login.log_in({}, "http://unused.example.com", None)
    assert asked(script)[4] == "DELETE /login/keys/17 Bearer mp3_KEY"


def test_too_many_tries_are_not_waited_for(waits: list[float]) -> None:
    with playing(problem(429, "too_many_tries", Retry_After="64")) as script, pytest.raises(Failure, match="64 s"):
        login.log_in({}, script.url, None)
    assert waits == []


def test_logging_out_of_a_service_that_is_away_says_what_is_left() -> None:
    with playing(KEY, said({})) as script:
        login.log_in({}, script.url, None)
    with pytest.raises(Failure, match=r"not revoked.*the key 17 of ada@example.org"):
        login.log_out()
    assert store.kept() is None


def test_a_key_that_had_ended_is_no_failure() -> None:
    with playing(KEY, said({}), problem(401, "invalid_token")) as script:
        login.log_in({}, script.url, None)
        login.log_out()


def test_an_open_network_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the password is asked for."""

    def leave(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", leave)
    assert main.main(["login", "--url", "http://mp3.example.com"]) == 130
    assert "can read the password" in capsys.readouterr().err


def test_programs_are_told_of_the_environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(Wrong, match="MP3_TOKEN or MP3_KEY"):
        login.log_in({}, "http://localhost", None)

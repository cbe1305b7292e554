"""Shared by the tests of the client: a home without logins, and waits that take no time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

import mp3converter_client
from mp3converter_client import address
from mp3converter_client.service import Bearer, Service


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new home, in which nobody is logged in and no keyring answers."""
    for name in ("MP3_URL", "MP3_TOKEN", "MP3_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client has waited; others, such as threads of tests that ran before, sleep as ever."""
    waited: list[float] = []
    sleep = time.sleep

    def noted(seconds: float) -> None:
        caller = sys._getframe(1).f_globals["__name__"]
        (waited.append if caller.startswith(mp3converter_client.__name__) else sleep)(seconds)

    monkeypatch.setattr(time, "sleep", noted)
    return waited


def service(url: str, patience: float = 300) -> Service:
    """Return a service at this address."""
    return Service(address.parse(url), Bearer("SECRET"), patience)

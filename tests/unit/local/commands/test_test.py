"""How ./local/test starts pytest."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import Any

import pytest

from local.commands import test as command


def test_pytest_gets_the_words_and_keeps_what_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else of the user's environment stays."""
    found: list[Any] = []
    monkeypatch.setattr(os, "execv", lambda *_arguments: pytest.fail("it was started with all of the environment"))
    monkeypatch.setattr(os, "execve", lambda program, words, environment: found.extend([words, environment]))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("CI", "1")
    command.run(Namespace(rest=["quick", "-x"]))
    words, environment = found
    assert words == [sys.executable, "-m", "pytest", "--part=quick", "-x"]
    assert environment == {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    assert environment["CI"] == "1"

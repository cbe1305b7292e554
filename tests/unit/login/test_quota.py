"""The quotas of an account: MongoDB's driver loads for them alone, and they are left out while it is away."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from functions.backends import usage
from functions.common.config import ConfigError, load
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Quotas
from functions.login import quota

ROOT = Path(__file__).resolve().parents[3]
LIMITS = load(Quotas, {})
LOADED = "print('pymongo' in sys.modules)"


@pytest.mark.parametrize(("module", "loaded"), [("step", False), ("paths", False), ("account", False), ("quota", True)])
def test_the_driver_loads_with_the_quotas_alone(module: str, loaded: bool) -> None:
    code = f"import sys, functions.login.{module}; {LOADED}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == [str(loaded)]


@pytest.mark.parametrize("trouble", [Failure(UNAVAILABLE), ConfigError("MONGODB_URL must be something else")])
def test_trouble_with_the_database_is_logged(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def connect() -> None:
        raise trouble

    monkeypatch.setattr(usage, "connect", connect)
    with caplog.at_level(logging.WARNING):
        assert quota.used("7", LIMITS) is None
    assert [(entry.message, vars(entry)["user"]) for entry in caplog.records] == [("quota not shown", "7")]

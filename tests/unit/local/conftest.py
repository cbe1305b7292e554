"""A home in the test's folder with its secrets, and a planned system."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import plan
from local.home import Home
from local.plan import Plan
from local.secret_files import SecretFiles
from tests.local.private import EXTERNAL


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.make()
    return found


@pytest.fixture
def secrets(home: Home) -> SecretFiles:
    made = SecretFiles(home)
    made.make()
    return made


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A plan with external backends, in a home in which an earlier start left a temporary file."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.make()
    (home.tmp / "left").touch()
    return plan.make(home, gateway_port=None, environ=EXTERNAL, settings={"MAX_ATTEMPTS": "2"})

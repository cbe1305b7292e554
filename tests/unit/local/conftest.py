"""A home in the test's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.make()
    return found

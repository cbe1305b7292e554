"""Each image is built once, when the first test needs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from local.secret_files import SecretFiles
from tests.containers import building, platform
from tests.containers.image import Image

Build = Callable[[str], Image]


@pytest.fixture(scope="session")
def base() -> Image:
    """The image that the others are built on."""
    return building.base()


@pytest.fixture(scope="session")
def build(base: Image) -> Build:
    """Build a function's image, or return the one that was built."""
    return cache(building.build)


@pytest.fixture
def image(build: Build, function: str) -> Image:
    """The image of the function that the test is about."""
    return build(function)


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> SecretFiles:
    """Secrets that are well-formed and open nothing."""
    return platform.make_secrets(tmp_path_factory.mktemp("home"))


@pytest.fixture
def surroundings(secrets: SecretFiles, function: str, tmp_path: Path) -> list[tuple[Path, str]]:
    """The mounts that the function is given."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    return platform.mounts(function, secrets, folder)

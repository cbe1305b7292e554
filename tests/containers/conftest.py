"""Each image is built once, when the first test needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.home import Home
from local.secret_files import SecretFiles
from tests.containers import building, given
from tests.containers.image import Image
from tests.containers.system import ContainedStack, contained_stack

HERE = Path(__file__).resolve().parent
# Nothing answers there; a function still starts and is healthy.
NOWHERE = {
    "mongodb_url": "mongodb://user:password@127.0.0.1:9/",
    "mysql_url": "mysql://user:password@127.0.0.1:9/mp3converter?tls=none",
    "mysql_reader_url": "mysql://user:password@127.0.0.1:9/mp3converter?tls=none",
    "mysql_sweep_url": "mysql://user:password@127.0.0.1:9/mp3converter?tls=none",
    "rabbitmq_functions_url": "amqp://user:password@127.0.0.1:9/mp3converter",
    "rabbitmq_connector_url": "amqp://user:password@127.0.0.1:9/mp3converter",
    "smtp_url": "smtp://127.0.0.1:9?tls=none",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs root."""
    if os.geteuid() != 0:
        for item in items:
            if HERE in item.path.parents and item.get_closest_marker("platforms"):
                item.add_marker(pytest.mark.skip(reason="images are built and containers run as root here"))


@pytest.fixture(scope="session")
def base() -> Image:
    """The image that the others are built on."""
    return building.base()


@pytest.fixture
def image(function: str) -> Image:
    """The image of the function that the test is about."""
    return building.build(function)


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> SecretFiles:
    """Secrets that are well-formed and useless."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.make()
    made = SecretFiles(home)
    made.make()
    for name, url in NOWHERE.items():
        made.write(name, url)
    return made


@pytest.fixture
def words(secrets: SecretFiles, function: str, tmp_path: Path) -> list[str]:
    """The arguments for everything in the function's manifest except its settings."""
    tmp, folder = tmp_path / "tmp", tmp_path / "secrets"
    tmp.mkdir()
    tmp.chmod(0o777)
    if function == "connector":
        return given.connector_words(tmp, secrets, folder)
    return given.words(function, tmp, secrets, folder)


@pytest.fixture
def settings(function: str) -> dict[str, str]:
    """The settings that the function's manifest gives it."""
    if function == "connector":
        sinks = "videos=http://127.0.0.1:9/ mp3s=http://127.0.0.1:9/"
        return {**given.connector_settings(), "CONNECTOR_SINKS": sinks}
    return given.said(function).environment


@pytest.fixture(scope="package")
def contained() -> Iterator[ContainedStack]:
    """A whole private system in containers, running."""
    with contained_stack() as system:
        system.need_all()
        yield system

"""Real backends and a whole system, started when first needed, stopped at the end."""

from collections.abc import Iterator

import pytest

from tests.containers.system import contained_stack
from tests.local.private import PrivateStack, private_stack
from tests.local.vhosts import fresh_vhost

pytest_plugins = ("tests.selection", "tests.workers", "tests.ahead", "tests.timing", "tests.closing")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose where the functions run."""
    parser.addoption(
        "--in-containers", action="store_true", help="run the functions in containers, as their manifests say (as root)"
    )


@pytest.fixture(scope="session")
def grounds(request: pytest.FixtureRequest) -> Iterator[PrivateStack]:
    """A private system, not started yet."""
    with contained_stack() if request.config.getoption("--in-containers") else private_stack() as system:
        yield system


@pytest.fixture(scope="session")
def stack(grounds: PrivateStack) -> PrivateStack:
    """A whole private system, running."""
    grounds.need_all()
    return grounds


@pytest.fixture(scope="session")
def mongodb(grounds: PrivateStack) -> str:
    """The URL of a MongoDB server; use a database of your own name."""
    grounds.need("mongodb")
    return grounds.mongodb_url


@pytest.fixture(scope="session")
def mysql(grounds: PrivateStack) -> str:
    """The URL of the users' database, with login's rights."""
    grounds.need("mysql")
    return grounds.mysql_url


@pytest.fixture(scope="session")
def rabbitmq(grounds: PrivateStack) -> str:
    """The URL of a broker, with all rights; use `vhost` for your own queues."""
    grounds.need("rabbitmq")
    return grounds.rabbitmq_url


@pytest.fixture
def vhost(grounds: PrivateStack, rabbitmq: str) -> Iterator[str]:
    """The URL of a fresh virtual host that has the whole topology."""
    with fresh_vhost(grounds.home, rabbitmq) as url:
        yield url


@pytest.fixture(scope="session")
def smtp(grounds: PrivateStack) -> str:
    """The URL of the mail catcher's SMTP server."""
    grounds.need("smtp")
    return grounds.smtp_url

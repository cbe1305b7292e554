"""Real backends and a whole system, started when first needed, stopped at the end."""

import gc
from collections.abc import Iterator

import pytest

from tests.containers.system import contained_stack
from tests.local.private import PrivateStack, private_stack
from tests.local.vhosts import fresh_vhost

pytest_plugins = ("tests.selection", "tests.workers", "tests.prebuild", "tests.timing", "tests.closing")

# With the default threshold, garbage collection takes a tenth of the time of the unit tests.
gc.set_threshold(100_000, 50, 50)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose where the functions run."""
    parser.addoption(
        "--in-containers", action="store_true", help="run the functions in containers, as their manifests say (as root)"
    )


@pytest.fixture(scope="session")
def lazy_stack(request: pytest.FixtureRequest) -> Iterator[PrivateStack]:
    """A private system; each backend starts when a test first needs it."""
    with contained_stack() if request.config.getoption("--in-containers") else private_stack() as system:
        yield system


@pytest.fixture(scope="session")
def stack(lazy_stack: PrivateStack) -> PrivateStack:
    """A running private system."""
    lazy_stack.need_all()
    return lazy_stack


@pytest.fixture(scope="session")
def mongodb(lazy_stack: PrivateStack) -> str:
    """The URL of a MongoDB server; use a database with your own name."""
    lazy_stack.need("mongodb")
    return lazy_stack.mongodb_url


@pytest.fixture(scope="session")
def mysql(lazy_stack: PrivateStack) -> str:
    """The URL of the users' database, with login's rights."""
    lazy_stack.need("mysql")
    return lazy_stack.mysql_url


@pytest.fixture(scope="session")
def rabbitmq(lazy_stack: PrivateStack) -> str:
    """The URL of a broker, with all permissions; use `vhost` for queues of your own."""
    lazy_stack.need("rabbitmq")
    return lazy_stack.rabbitmq_url


@pytest.fixture
def vhost(lazy_stack: PrivateStack, rabbitmq: str) -> Iterator[str]:
    """The URL of a new virtual host with the whole topology."""
    with fresh_vhost(lazy_stack.home, rabbitmq) as url:
        yield url


@pytest.fixture(scope="session")
def smtp(lazy_stack: PrivateStack) -> str:
    """The URL of the mail catcher's SMTP server."""
    lazy_stack.need("smtp")
    return lazy_stack.smtp_url

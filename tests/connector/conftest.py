"""A sink, a queue and a connector for each test, on the session's broker."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.connector.line import Line
from tests.connector.process import Connector
from tests.connector.queues import Queues
from tests.connector.sink import Sink
from tests.local.private import PrivateStack
from tests.local.vhosts import fresh_vhost

Start = Callable[..., Connector]


@pytest.fixture(scope="session")
def broker_url(lazy_stack: PrivateStack, rabbitmq: str) -> Iterator[str]:
    """The URL of a virtual host for these tests."""
    with fresh_vhost(lazy_stack.home, rabbitmq) as url:
        yield url


@pytest.fixture
def sink() -> Iterator[Sink]:
    with closing(Sink()) as server:
        yield server


@pytest.fixture
def queues(broker_url: str) -> Queues:
    return Queues(broker_url)


@pytest.fixture
def name(queues: Queues) -> str:
    """A queue that no other test uses."""
    fresh = f"q-{uuid.uuid4()}"
    queues.declare(fresh)
    return fresh


@pytest.fixture
def start(broker_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start connectors; each setting is a keyword."""
    with ExitStack() as started:

        def run(**settings: object) -> Connector:
            quick = {"RABBITMQ_URL": broker_url, "CONNECTOR_BACKOFF_SECONDS": "0.05", "CONNECTOR_RETRY": "2"}
            given = quick | {key: str(value) for key, value in settings.items()}
            log = tmp_path / f"connector-{uuid.uuid4()}.log"
            return started.enter_context(closing(Connector(log, given)))

        yield run


@pytest.fixture(scope="module")
def line(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    queues, name = Queues(broker_url), f"q-{uuid.uuid4()}"
    queues.declare(name)
    log = tmp_path_factory.mktemp("conversion") / "log"
    with closing(Sink()) as sink:
        sinks = f"{name}={sink.url}"
        settings = {"RABBITMQ_URL": broker_url, "CONNECTOR_SINKS": sinks, "CONNECTOR_BACKOFF_SECONDS": "0.05"}
        with closing(Connector(log, settings)):
            yield Line(name, queues, sink)

"""Fixtures for integration tests: a cage in its own folder, a database for one test, and a sweeper for it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest
from pymongo.database import Database

from functions.convert.cage import Cage
from functions.convert.watch import Watch
from functions.sweep.sweeper import Sweeper
from local.backends import mysql as backend
from tests.integration import states
from tests.integration.states import Clock
from tests.local.private import PrivateStack
from tests.local.vhosts import fresh_vhost

LIMIT_SECONDS = 120


@pytest.fixture
def cage(tmp_path: Path) -> Iterator[Cage]:
    """A cage beside the test's files."""
    folder = tmp_path / "cage"
    folder.mkdir()
    with Cage(folder, Watch(time.monotonic() + LIMIT_SECONDS)) as cage:
        yield cage


@pytest.fixture
def database(mongodb: str) -> Iterator[Database[dict[str, Any]]]:
    """A database for this test only."""
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True) as client:
        database = client[f"test-{uuid.uuid4().hex[:8]}"]
        yield database
        client.drop_database(database.name)


@pytest.fixture(scope="session")
def _one_vhost(lazy_stack: PrivateStack, rabbitmq: str) -> Iterator[str]:
    with fresh_vhost(lazy_stack.home, rabbitmq) as url:
        yield url


@pytest.fixture
def queues(_one_vhost: str) -> str:
    """The URL of a broker with empty queues; cheaper than a new `vhost`."""
    states.empty(_one_vhost)
    return _one_vhost


@pytest.fixture
def clock() -> Clock:
    """The database's clock, set by the test."""
    return Clock()


@pytest.fixture
def sweeper(database: Database[dict[str, Any]], queues: str, clock: Clock) -> Sweeper:
    """A sweeper that uses this clock."""
    return states.sweeper(database, queues, clock)


@pytest.fixture
def users_url(lazy_stack: PrivateStack) -> Iterator[str]:
    """The URL of a new database for users, with all rights."""
    lazy_stack.need("mysql")
    name = f"migrated_{uuid.uuid4().hex[:12]}"
    with backend.connect(lazy_stack.mysql_root_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield urlsplit(lazy_stack.mysql_root_url)._replace(path=f"/{name}").geturl()
        cursor.execute(f"DROP DATABASE {name}")

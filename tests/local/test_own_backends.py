"""A system on external servers."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pymongo
import pytest

from local.backends import mysql as mysql_backend
from tests.local.commands import Folder
from tests.local.private import PrivateStack

DATABASE = "test_own_backends"


@pytest.fixture
def mysql_url(lazy_stack: PrivateStack, mysql: str) -> Iterator[str]:
    """A database without tables."""
    with mysql_backend.connect(lazy_stack.mysql_root_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        yield urlsplit(lazy_stack.mysql_root_url)._replace(path=f"/{DATABASE}").geturl()
        cursor.execute(f"DROP DATABASE {DATABASE}")


def test_up_uses_external_servers(mysql_url: str, mongodb: str, vhost: str, smtp: str, tmp_path: Path) -> None:
    folder = Folder(
        tmp_path / "home",
        MYSQL_URL=mysql_url,
        MONGODB_URL=mongodb,
        MONGODB_DATABASE=DATABASE,
        RABBITMQ_URL=vhost,
        SMTP_URL=smtp,
    )
    try:
        result = folder.up()
        assert result.returncode == 0, result.stdout + result.stderr
        status = folder.status()
    finally:
        folder.run("down", "--purge")

    assert status["healthy"] is True
    assert status["mailbox"] is None
    assert {entry["port"] for entry in status["backends"].values()} == {
        urlsplit(url).port for url in (mysql_url, mongodb, vhost, smtp)
    }
    with pymongo.MongoClient[dict[str, str]](mongodb) as client:
        assert [job["state"] for job in client[DATABASE]["jobs"].find()] == ["done"]
        client.drop_database(DATABASE)

"""Migrations on a real server: old tables get what new ones have, in steps that may be repeated or cut off."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.backends.mysql import Connections
from functions.backends.users import ACTIVE, Users
from functions.common.settings import Database
from functions.login import accounts, migrate
from local.backends import mysql as backend
from tests.local.private import PrivateStack

EMAIL, PASSWORD = "ada@example.org", "correct horse"
# Of the first version, and of other systems.
OLD = {
    "own": "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(254) NOT NULL UNIQUE, "
    "password VARCHAR(255) NOT NULL",
    "foreign": "id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255), password VARCHAR(255)",
}


@pytest.fixture
def url(lazy_stack: PrivateStack) -> Iterator[str]:
    """The URL of a new database, with all rights."""
    lazy_stack.need("mysql")
    name = f"migrated_{uuid.uuid4().hex[:12]}"
    with backend.connect(lazy_stack.mysql_root_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield urlsplit(lazy_stack.mysql_root_url)._replace(path=f"/{name}").geturl()
        cursor.execute(f"DROP DATABASE {name}")


def run(url: str, *statements: str) -> Any:
    with backend.connect(url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


def shape(url: str) -> Any:
    """Return all columns, indices and views of a database."""
    where = "WHERE table_schema = DATABASE()"
    return [
        run(url, f"SELECT {columns} FROM information_schema.{table} {where} ORDER BY 1, 2, 3")  # noqa: S608
        for table, columns in {
            "columns": "table_name, ordinal_position, column_name, column_type, is_nullable, column_default",
            "statistics": "table_name, index_name, seq_in_index, column_name, non_unique",
            "views": "table_name, security_type, REPLACE(view_definition, DATABASE(), '')",
        }.items()
    ]


def test_a_migrated_table_is_like_a_new_one(url: str) -> None:
    backend.apply_schema(url)
    new = shape(url)
    assert len(new[2]) == 2
    name = urlsplit(url).path[1:]
    run(url, f"DROP DATABASE {name}", f"CREATE DATABASE {name}", f"USE {name}", f"CREATE TABLE user ({OLD['own']})")
    backend.apply_schema(url)
    assert shape(url) == new
    backend.apply_schema(url)
    assert shape(url) == new


@pytest.mark.parametrize("kind", OLD)
def test_users_log_in_before_between_and_after_all_statements(kind: str, url: str) -> None:
    """A run that is killed after any of them leaves a table that works, and the next run finishes it."""
    run(url, f"CREATE TABLE user ({OLD[kind]})", f"INSERT INTO user (email, password) VALUES ('{EMAIL}', '{PASSWORD}')")  # noqa: S608
    users = Users(Connections(Database(url, 5.0)))
    assert accounts.check(users, EMAIL, PASSWORD).email == EMAIL
    for statement in migrate.statements():
        run(url, statement)
        assert accounts.check(users, EMAIL, PASSWORD).state == ACTIVE
    with backend.connect(url) as connection, connection.cursor() as cursor:
        migrate.run(cursor)
    assert accounts.add(users, "grace@example.org", PASSWORD).id


def test_an_earlier_version_works_with_the_migrated_table(url: str) -> None:
    run(url, f"CREATE TABLE user ({OLD['own']})")
    backend.apply_schema(url)
    run(url, "INSERT INTO user (email, password) SELECT 'a@example.org', 'x' FROM DUAL")
    assert run(url, "SELECT id, email, password FROM user") == ((1, "a@example.org", "x"),)
    assert run(url, "SELECT state, mails FROM user") == ((ACTIVE, 1),)

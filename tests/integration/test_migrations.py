"""Migrations on a real server: old tables get what new ones have, in steps that may be repeated or cut off."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest

from functions.backends.mysql import Connections
from functions.backends.users import ACTIVE, Users
from functions.common.settings import Database
from functions.login import accounts, changes, migrate
from local.backends import mysql as backend
from tests.clients.operator import Operator
from tests.local.private import PrivateStack

EMAIL, PASSWORD = "ada@example.org", "correct horse"
# Of the first version, and of other systems.
OLD = {
    "own": "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(254) NOT NULL UNIQUE, "
    "password VARCHAR(255) NOT NULL",
    "foreign": "id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255), password VARCHAR(255)",
}


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


def test_a_migrated_table_is_like_a_new_one(users_url: str) -> None:
    backend.apply_schema(users_url)
    new = shape(users_url)
    assert len(new[2]) == 3
    name = urlsplit(users_url).path[1:]
    run(
        users_url,
        f"DROP DATABASE {name}",
        f"CREATE DATABASE {name}",
        f"USE {name}",
        f"CREATE TABLE user ({OLD['own']})",
    )
    backend.apply_schema(users_url)
    assert shape(users_url) == new
    backend.apply_schema(users_url)
    assert shape(users_url) == new


def test_the_operator_migrates_an_earlier_table_of_failed_logins(users_url: str, lazy_stack: PrivateStack) -> None:
    """The first migration made it, and nothing used it; the command may be repeated."""
    backend.apply_schema(users_url)
    new = shape(users_url)
    (earlier,) = [each for each in migrate.statements() if each.startswith("CREATE TABLE login_failure")]
    run(users_url, "DROP TABLE login_failure", earlier)
    assert shape(users_url) != new
    for _ in range(2):
        said = Operator(lazy_stack.home, {"MYSQL_URL": users_url}).run("users", "migrate")
        assert (said.status, said.text) == (0, "The tables are up to date.\n")
        assert shape(users_url) == new


@pytest.mark.parametrize("kind", OLD)
def test_users_log_in_before_between_and_after_all_statements(kind: str, users_url: str) -> None:
    """A run that is killed after any of them leaves a table that works, and the next run finishes it."""
    add = f"INSERT INTO user (email, password) VALUES ('{EMAIL}', '{PASSWORD}')"  # noqa: S608
    run(users_url, f"CREATE TABLE user ({OLD[kind]})", add)
    users = Users(Connections(Database(users_url, 5.0)))
    assert accounts.check(users, EMAIL, PASSWORD).email == EMAIL
    for statement in migrate.statements():
        run(users_url, statement)
        assert accounts.check(users, EMAIL, PASSWORD).state == ACTIVE
    with backend.connect(users_url) as connection, connection.cursor() as cursor:
        migrate.run(cursor)
    assert changes.add(users, "grace@example.org", PASSWORD).id


def test_a_change_that_has_to_wait_gives_way(users_url: str) -> None:
    """Behind one that waits for a long transaction, such as a backup, nobody could log in."""
    run(users_url, f"CREATE TABLE user ({OLD['own']})")
    with backend.connect(users_url) as reading, reading.cursor() as backup:
        backup.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        backup.execute("SELECT * FROM user")
        with backend.connect(users_url) as connection, connection.cursor() as cursor:
            with pytest.raises(pymysql.err.OperationalError, match="Lock wait timeout"):
                migrate.run(cursor)
            backup.execute("COMMIT")
            migrate.run(cursor)
    assert run(users_url, "SELECT state FROM user") == ()


def test_an_earlier_version_works_with_the_migrated_table(users_url: str) -> None:
    run(users_url, f"CREATE TABLE user ({OLD['own']})")
    backend.apply_schema(users_url)
    run(users_url, "INSERT INTO user (email, password) SELECT 'a@example.org', 'x' FROM DUAL")
    assert run(users_url, "SELECT id, email, password FROM user") == ((1, "a@example.org", "x"),)
    assert run(users_url, "SELECT state, mails FROM user") == ((ACTIVE, 1),)

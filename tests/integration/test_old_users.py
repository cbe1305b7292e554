"""Tables of old systems on a real server: their users can still log in, and no account is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pymysql
import pytest

from functions.backends.mysql import Connections, options
from functions.backends.users import Users
from functions.common import errors
from functions.common.errors import Failure
from functions.common.settings import Database
from functions.login import accounts, changes
from tests.local.private import PrivateStack
from tests.unit.login.test_stored import FOREIGN

EMAIL = "ada@example.org"
PASSWORD = "correct horse"
COLUMNS = "id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255), password VARCHAR(255)"

Table = Callable[..., Users]


@pytest.fixture
def table(lazy_stack: PrivateStack) -> Iterator[Table]:
    """A function that creates a table of users from its columns and rows of address and password."""
    lazy_stack.need("mysql")
    root = lazy_stack.mysql_root_url
    name = f"old_{uuid.uuid4().hex[:12]}"
    url = urlsplit(root)._replace(path=f"/{name}").geturl()
    with pymysql.connect(**options(Database(root, 5.0))) as connection, connection.cursor() as cursor:

        def create(*rows: tuple[str, str | None], columns: str = COLUMNS) -> Users:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"CREATE TABLE {name}.user ({columns})")
            for row in rows:
                cursor.execute(f"INSERT INTO {name}.user (email, password) VALUES (%s, %s)", row)  # noqa: S608
            return Users(Connections(Database(url, 5.0)))

        yield create
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")


def refused(users: Users, email: str = EMAIL, password: str = PASSWORD) -> errors.Kind:
    with pytest.raises(Failure) as failure:
        accounts.check(users, email, password)
    return failure.value.kind


def password_in(users: Users) -> str:
    found = users.find(EMAIL)
    assert found
    return found.password


@pytest.mark.parametrize("width", [20, 32, 60, 64, 96])
def test_a_hash_is_not_written_into_a_narrow_column(width: int, table: Table, caplog: pytest.LogCaptureFixture) -> None:
    columns = f"id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255), password VARCHAR({width})"
    users = table((EMAIL, PASSWORD), columns=columns)
    for _ in range(2):
        assert accounts.check(users, EMAIL, PASSWORD).email == EMAIL
        assert password_in(users) == PASSWORD
    assert "too narrow" in caplog.text
    assert PASSWORD not in caplog.text
    with pytest.raises(Failure) as failure:
        changes.change_password(users, accounts.check(users, EMAIL, PASSWORD), "another horse")
    assert failure.value.kind is errors.UNAVAILABLE
    assert password_in(users) == PASSWORD


def test_a_column_that_just_fits_gets_the_hash(table: Table) -> None:
    columns = "id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255), password VARCHAR(97)"
    users = table((EMAIL, PASSWORD), columns=columns)
    accounts.check(users, EMAIL, PASSWORD)
    assert password_in(users).startswith("$argon2id$")
    assert accounts.check(users, EMAIL, PASSWORD).email == EMAIL


@pytest.mark.parametrize(
    ("charset", "collation"),
    [
        ("utf8mb4", "utf8mb4_general_ci"),
        ("utf8mb4", "utf8mb4_unicode_520_nopad_ci"),
        ("utf8mb4", "utf8mb4_bin"),
        ("latin1", "latin1_swedish_ci"),
        ("latin1", "latin1_general_cs"),
    ],
)
@pytest.mark.parametrize("written", ["ada@example.org", "Ada@Example.ORG", "ada@example.org "])
def test_other_spellings_of_an_address(written: str, charset: str, collation: str, table: Table) -> None:
    """A collation that compares bytes needs the address as it is written, which its index finds."""
    columns = COLUMNS.replace("email VARCHAR(255)", f"email VARCHAR(255) CHARACTER SET {charset} COLLATE {collation}")
    users = table((written, PASSWORD), columns=columns)
    exact = collation.endswith(("_bin", "_cs")) and written.strip() != EMAIL
    for spelled in {written} if exact else {written, EMAIL, EMAIL.upper(), f" {EMAIL} "}:
        assert accounts.check(users, spelled, PASSWORD).email == written.strip()


def test_other_addresses_are_not_mistaken_for_it(table: Table) -> None:
    users = table(("adá@example.org", PASSWORD))
    assert refused(users) is errors.WRONG_CREDENTIALS
    assert accounts.check(users, "adá@example.org", PASSWORD)


@pytest.mark.attack("A24")
@pytest.mark.parametrize("value", FOREIGN)
def test_a_stolen_hash_does_not_log_in(value: str, table: Table, caplog: pytest.LogCaptureFixture) -> None:
    users = table((EMAIL, value))
    for password in (value, PASSWORD):
        assert refused(users, password=password) is errors.WRONG_CREDENTIALS
    assert "hash of another system" in caplog.text
    assert value not in caplog.text


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_password_does_not_log_in(value: str | None, table: Table) -> None:
    users = table((EMAIL, value))
    for password in ("", PASSWORD):
        assert refused(users, password=password) is errors.WRONG_CREDENTIALS


def test_two_rows_of_one_address_do_not_log_in(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    users = table((EMAIL, PASSWORD), ("Ada@Example.org", "another horse"))
    for password in (PASSWORD, "another horse"):
        assert refused(users, password=password) is errors.WRONG_CREDENTIALS
    assert "several users have one address" in caplog.text


def test_a_table_without_a_unique_index_gets_no_second_row(table: Table) -> None:
    users = table(("Ada@Example.org", PASSWORD))
    with pytest.raises(Failure) as failure:
        changes.add(users, EMAIL, "another horse")
    assert failure.value.kind is errors.EMAIL_TAKEN
    assert accounts.check(users, EMAIL, PASSWORD)

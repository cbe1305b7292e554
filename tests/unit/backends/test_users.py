"""Users: the URL, and which operations are repeated on another connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pymysql
import pytest
from pymysql.constants import ER

from functions.backends import mysql
from functions.backends.mysql import Connections
from functions.backends.users import User, Users
from functions.common.config import ConfigError
from functions.common.errors import EMAIL_TAKEN, UNAVAILABLE, Failure
from functions.common.settings import Database

URL = "mysql://login:word@db/mp3converter?tls=none"
LOST = pymysql.err.OperationalError(2013, "Lost connection to MySQL server")
SECONDS = 10
ADA = User(7, "ada@example.org", "hash")

Operation = Callable[[Users], object]
FIND: Operation = lambda users: users.find(ADA.email)  # noqa: E731
ADD: Operation = lambda users: users.add(ADA.email, ADA.password)  # noqa: E731
CHANGE: Operation = lambda users: users.change_password(ADA, "other")  # noqa: E731


class Server:
    """A database whose connections may be lost: `faults` determines the results of the next operations."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.log: list[str] = []
        self.faults: list[Exception | None] = []
        self.waits: Callable[[], object] = lambda: None  # before each query
        self.rows: list[tuple[Any, ...]] = [(ADA.id, ADA.email, ADA.password)]

    def connect(self, **_options: Any) -> Connection:
        """Open a connection."""
        self.answer("connect")
        self.connections.append(Connection(self))
        return self.connections[-1]

    def answer(self, what: str) -> None:
        """Record an operation, and fail if scheduled."""
        self.log.append(what)
        error = self.faults.pop(0) if self.faults else None
        if error:
            raise error


class Connection:
    """A connection that is its own cursor."""

    lastrowid = ADA.id
    description = (("id",), ("email",), ("password",))

    def __init__(self, server: Server) -> None:
        self.server = server
        self.open = True

    def cursor(self) -> Connection:
        """Return itself."""
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        """Keep the connection."""

    def execute(self, query: str, _values: object) -> int:
        """Run a query."""
        self.server.waits()
        self.server.answer(query.partition(" ")[0].lower())
        return 1

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows."""
        return self.server.rows

    def ping(self) -> None:
        """Check the connection."""
        self.server.answer("ping")

    def close(self) -> None:
        """Close."""
        self.open = False


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(pymysql, "connect", made.connect)
    return made


@pytest.fixture
def table() -> Users:
    return Users(Connections(Database(URL, 5.0)))


def refusal(operation: Operation, table: Users) -> Any:
    with pytest.raises(Failure) as failure:
        operation(table)
    return failure.value.kind


@pytest.mark.parametrize("operation", [FIND, ADD, CHANGE])
def test_a_connection_is_kept(operation: Operation, server: Server, table: Users) -> None:
    for _ in range(3):
        operation(table)
    assert (server.log.count("connect"), len(server.connections)) == (1, 1)


def test_a_read_is_repeated_once_on_another_connection(server: Server, table: Users) -> None:
    """The server may have closed an idle connection."""
    server.faults = [None, LOST]
    assert table.find(ADA.email) == ADA
    assert server.log == ["connect", "select", "connect", "select"]
    assert [each.open for each in server.connections] == [False, True]


def test_a_read_that_fails_twice_is_unavailable(server: Server, table: Users) -> None:
    server.faults = [None, LOST, None, LOST]
    assert refusal(FIND, table) is UNAVAILABLE
    assert server.log.count("select") == 2


@pytest.mark.parametrize(("operation", "query"), [(ADD, "insert"), (CHANGE, "update")])
def test_a_change_is_not_repeated(operation: Operation, query: str, server: Server, table: Users) -> None:
    """It may have been made."""
    server.faults = [None, LOST]
    assert refusal(operation, table) is UNAVAILABLE
    assert server.log == ["connect", query]
    assert not server.connections[0].open


@pytest.mark.parametrize(("operation", "query"), [(ADD, "insert"), (CHANGE, "update")])
def test_connections_are_checked_before_changes(operation: Operation, query: str, server: Server, table: Users) -> None:
    operation(table)
    operation(table)
    server.faults = [LOST]
    operation(table)
    assert server.log == ["connect", query, "ping", query, "ping", "connect", query]
    assert [each.open for each in server.connections] == [False, True]


@pytest.mark.parametrize("operation", [FIND, ADD, CHANGE])
def test_an_unreachable_server_is_unavailable(operation: Operation, server: Server, table: Users) -> None:
    server.faults = [LOST, LOST]
    assert refusal(operation, table) is UNAVAILABLE
    server.faults.clear()
    assert operation(table), "it is used again once it is available"


def test_only_a_duplicate_address_is_taken(server: Server, table: Users) -> None:
    server.faults = [None, pymysql.err.IntegrityError(ER.DUP_ENTRY, "Duplicate entry")]
    assert refusal(ADD, table) is EMAIL_TAKEN
    server.faults = [None, pymysql.err.IntegrityError(ER.BAD_NULL_ERROR, "Column cannot be null")]
    assert refusal(ADD, table) is UNAVAILABLE
    assert server.log.count("connect") == 1, "the connection is still good"


@pytest.mark.attack("A17")
@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada@Example.ORG", "Ada@Example.ORG"),
        (" ada@example.org ", "ada@example.org"),
        ("ádá@example.org", None),
        ("ada@example.org.", None),
    ],
)
def test_only_spellings_of_the_address_are_found(address: str, found: str | None, server: Server, table: Users) -> None:
    """The database's collation considers more addresses equal."""
    server.rows = [(7, address, "hash"), (8, "adá@example.org", "another")]
    assert table.find(ADA.email) == (User(7, found, "hash") if found else None)


def test_a_user_without_a_password_has_an_empty_one(server: Server, table: Users) -> None:
    server.rows = [(7, ADA.email, None)]
    assert table.find(ADA.email) == User(7, ADA.email, "")


def test_two_users_of_one_address_are_an_error(server: Server, table: Users, caplog: pytest.LogCaptureFixture) -> None:
    server.rows = [(7, "ada@example.org", "hash"), (9, "Ada@example.org ", "another")]
    assert table.find(ADA.email) is None
    assert [(record.levelname, vars(record)["users"]) for record in caplog.records] == [("ERROR", [7, 9])]


@pytest.mark.parametrize("operation", [ADD, CHANGE])
def test_a_narrow_column_is_an_error_in_the_log(
    operation: Operation, server: Server, table: Users, caplog: pytest.LogCaptureFixture
) -> None:
    table.find(ADA.email)
    server.faults = [None, pymysql.err.DataError(ER.DATA_TOO_LONG, "Data too long for column 'password' at row 1")]
    assert refusal(operation, table) is UNAVAILABLE
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert server.log.count("connect") == 1, "the connection is still good"


def test_threads_share_a_connection_one_after_the_other(server: Server, table: Users) -> None:
    table.find(ADA.email)
    other = threading.Thread(target=table.find, args=[ADA.email])
    other.start()
    other.join()
    assert len(server.connections) == 1


def test_threads_at_the_same_time_have_connections_of_their_own(server: Server) -> None:
    """Eight at most; more threads wait for one of them, but not for ever."""
    table = Users(Connections(Database(URL, 0.05)))
    together, done = threading.Barrier(9), threading.Event()
    server.waits = lambda: (together.wait(SECONDS), done.wait(SECONDS))
    threads = [threading.Thread(target=FIND, args=[table]) for _ in range(8)]
    for thread in threads:
        thread.start()
    together.wait(SECONDS)
    server.waits = lambda: None
    assert refusal(FIND, table) is UNAVAILABLE
    done.set()
    for thread in threads:
        thread.join()
    assert len(server.connections) == 8
    assert table.find(ADA.email) == ADA
    assert len(server.connections) == 8


def test_the_parts_of_a_url_are_decoded() -> None:
    options = mysql.options(Database("mysql://ada%40x:p%2Fw%3A@db:3307/mine%2Fown?tls=none", 2.5))
    assert options == {
        "host": "db",
        "port": 3307,
        "user": "ada@x",
        "password": "p/w:",
        "database": "mine/own",
        "charset": "utf8mb4",
        "autocommit": True,
        "sql_mode": "STRICT_ALL_TABLES",
        "connect_timeout": 2.5,
        "read_timeout": 2.5,
        "write_timeout": 2.5,
        "ssl_disabled": True,
    }


@pytest.mark.parametrize("query", ["", "?tls=required", "?other=x"])
def test_tls_is_required_by_default(query: str) -> None:
    options = mysql.options(Database(f"mysql://db/mine{query}", 5.0))
    assert "ssl_disabled" not in options
    assert (options["port"], options["ssl"].check_hostname, options["ssl"].verify_mode.name) == (
        3306,
        True,
        "CERT_REQUIRED",
    )


@pytest.mark.parametrize("url", ["mysql://db", "mysql://db/", "mysql://db/?tls=none", "mysql://db/mine?tls=maybe"])
def test_an_incomplete_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^MYSQL_URL (must name a database|takes tls=required or tls=none)$"):
        mysql.options(Database(url, 5.0))


def test_a_closed_port_is_unavailable() -> None:
    with pytest.raises(Failure) as failure:
        Users(Connections(Database("mysql://a:b@127.0.0.1:1/x?tls=none", 1.0))).find(ADA.email)
    assert failure.value.kind is UNAVAILABLE

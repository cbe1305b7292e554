"""The users in MySQL or MariaDB."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from queue import Empty, LifoQueue
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.constants import ER

from functions.common import config
from functions.common.errors import EMAIL_TAKEN, UNAVAILABLE, Failure
from functions.common.settings import Database

_log = logging.getLogger(__name__)

_FIND = "SELECT id, email, password FROM user WHERE email IN (%s, %s, %s) LIMIT %s"
# An old table may lack the unique index.
_ADD = (
    "INSERT INTO user (email, password) SELECT %s, %s FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM user WHERE email = %s)"
)
_ROWS_MOST = 20  # equal by a collation
_CONNECTIONS_MOST = 8  # for all threads together; a server allows some 150 in all

Result = TypeVar("Result")


@dataclass(frozen=True)
class User:
    """A row: the id, the e-mail address, and the password's hash (plain text in rows of an old database)."""

    id: int
    email: str
    password: str


class Users:
    """The table of users; threads share a few connections, which open when they are needed."""

    def __init__(self, settings: Database) -> None:
        self._options = _options(settings)
        self._timeout = settings.timeout
        self._idle: LifoQueue[Any] = LifoQueue()
        for _ in range(_CONNECTIONS_MOST):
            self._idle.put(None)

    def find(self, email: str) -> User | None:
        """Return the user with this e-mail address, in any case and with spaces around it, or None if there is none.

        Rows of an old database may have other spellings; a column whose collation compares bytes finds only the usual
        one and the given one. Two rows with one address are an error, which is only logged.
        """
        wanted, given = normal(email), email.strip()

        def select(cursor: Any) -> list[User]:
            # Few collations ignore a space at the end. Most ignore case, and consider some different addresses equal.
            cursor.execute(_FIND, (wanted, f"{wanted} ", given, _ROWS_MOST))
            rows = [row for row in cursor.fetchall() if normal(row[1]) == wanted]
            return [User(number, address.strip(), password or "") for number, address, password in rows]

        found = self._run(select, again=True)
        if len(found) > 1:
            _log.error("several users have one address", extra={"users": [user.id for user in found]})
        return found[0] if len(found) == 1 else None

    def add(self, email: str, password: str) -> User:
        """Add a user. Raises Failure(EMAIL_TAKEN) if the address is taken."""

        def insert(cursor: Any) -> User:
            if not cursor.execute(_ADD, (email, password, email)):
                raise Failure(EMAIL_TAKEN)
            return User(cursor.lastrowid, email, password)

        return self._run(insert)

    def change_password(self, user: User, password: str) -> bool:
        """Replace a user's password if it has not changed since it was read; return whether it was replaced."""

        def update(cursor: Any) -> bool:
            changed = cursor.execute(
                "UPDATE user SET password = %s WHERE id = %s AND password = %s", (password, user.id, user.password)
            )
            return bool(changed)

        return self._run(update)

    def _run(self, work: Callable[[Any], Result], *, again: bool = False) -> Result:
        try:
            # Without an answer it is unknown whether a change was made, so check the connection before each change.
            with self._connection(checked=not again) as connection, connection.cursor() as cursor:
                return work(cursor)
        except pymysql.err.IntegrityError as error:
            if error.args[0] == ER.DUP_ENTRY:
                raise Failure(EMAIL_TAKEN) from error
            raise Failure(UNAVAILABLE) from error
        except pymysql.err.DataError as error:
            _log.error("a column of the users' table is too narrow", extra={"cause": repr(error)})
            raise Failure(UNAVAILABLE) from error
        except pymysql.err.MySQLError as error:
            if again:  # the server may have closed an idle connection, and a read may be repeated
                return self._run(work)
            raise Failure(UNAVAILABLE) from error

    @contextmanager
    def _connection(self, *, checked: bool) -> Iterator[Any]:
        """Lend a connection; `checked` pings the server first and reconnects if that fails.

        Raises Failure(UNAVAILABLE) if other threads use them all for too long.
        """
        try:
            connection = self._idle.get(timeout=self._timeout)
        except Empty as error:
            raise Failure(UNAVAILABLE) from error
        try:
            if connection and checked and not _answers(connection):
                connection = None
            connection = connection or pymysql.connect(**self._options)
            yield connection
        except (Failure, pymysql.err.IntegrityError, pymysql.err.DataError):  # the connection is still good
            raise
        except BaseException:
            _close(connection)
            connection = None
            raise
        finally:
            self._idle.put(connection)


def _answers(connection: Any) -> bool:
    try:
        connection.ping()
    except pymysql.err.MySQLError:
        _close(connection)
        return False
    return True


def _close(connection: Any) -> None:
    if connection and connection.open:
        connection.close()


def normal(email: str) -> str:
    """Return an e-mail address as the table has it: in lower case, without spaces around it."""
    return email.strip().lower()


def _options(settings: Database) -> dict[str, Any]:
    """Return pymysql's arguments for a URL like mysql://user:password@host:3306/mp3converter?tls=required."""
    parts = urlsplit(settings.url)
    if len(parts.path) < 2:
        raise config.ConfigError("MYSQL_URL must name a database")
    options: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path[1:]),
        "charset": "utf8mb4",
        "autocommit": True,
        # A value that does not fit is an error in every server's configuration: half a hash would lose the account.
        "sql_mode": "STRICT_ALL_TABLES",
        "connect_timeout": settings.timeout,
        "read_timeout": settings.timeout,
        "write_timeout": settings.timeout,
    }
    if not config.requires_tls(settings.url, "MYSQL_URL"):
        return options | {"ssl_disabled": True}
    return options | {"ssl": ssl.create_default_context()}  # shared by all connections: creating it takes 19 ms


@cache
def connect() -> Users:
    """Return the users of the database in the settings."""
    return Users(config.load(Database))

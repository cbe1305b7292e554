"""The users in MySQL or MariaDB."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
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

Result = TypeVar("Result")


@dataclass(frozen=True)
class User:
    """A row: the id, the e-mail address, and the password's hash (plain text in rows of an old database)."""

    id: int
    email: str
    password: str


class Users:
    """The table of users; each thread has its own connection."""

    def __init__(self, settings: Database) -> None:
        self._options = _options(settings)
        self._thread = threading.local()

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
            with self._connection(checked=not again).cursor() as cursor:
                return work(cursor)
        except pymysql.err.IntegrityError as error:
            if error.args[0] == ER.DUP_ENTRY:
                raise Failure(EMAIL_TAKEN) from error
            raise Failure(UNAVAILABLE) from error
        except pymysql.err.DataError as error:
            _log.error("a column of the users' table is too narrow", extra={"cause": repr(error)})
            raise Failure(UNAVAILABLE) from error
        except pymysql.err.MySQLError as error:
            self._drop()
            if again:  # the server may have closed an idle connection, and a read may be repeated
                return self._run(work)
            raise Failure(UNAVAILABLE) from error

    def _connection(self, *, checked: bool) -> Any:
        """Return this thread's connection; `checked` pings the server first and reconnects if that fails."""
        connection = getattr(self._thread, "connection", None)
        if connection is not None and checked:
            try:
                connection.ping()
            except pymysql.err.MySQLError:
                self._drop()
                connection = None
        if connection is None:
            connection = self._thread.connection = pymysql.connect(**self._options)
        return connection

    def _drop(self) -> None:
        connection = getattr(self._thread, "connection", None)
        self._thread.connection = None
        if connection is not None and connection.open:
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

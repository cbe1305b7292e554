"""The users in MySQL or MariaDB."""

from __future__ import annotations

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

Result = TypeVar("Result")


@dataclass(frozen=True)
class User:
    """One row: the id, the e-mail address, and the password's hash (plain text in a row from an old database)."""

    id: int
    email: str
    password: str


class Users:
    """The table of users, over one connection for each thread."""

    def __init__(self, settings: Database) -> None:
        self._options = _options(settings)
        self._thread = threading.local()

    def find(self, email: str) -> User | None:
        """Return the user with exactly this e-mail address."""

        def select(cursor: Any) -> User | None:
            cursor.execute("SELECT id, email, password FROM user WHERE email = %s", (email,))
            row = cursor.fetchone()
            # The database's collation takes some different addresses for equal.
            return User(*row) if row and row[1] == email else None

        return self._run(select, again=True)

    def add(self, email: str, password: str) -> User:
        """Add a user. Raises Failure(EMAIL_TAKEN) when there is one with this address."""

        def insert(cursor: Any) -> User:
            cursor.execute("INSERT INTO user (email, password) VALUES (%s, %s)", (email, password))
            return User(cursor.lastrowid, email, password)

        return self._run(insert)

    def change_password(self, user: User, password: str) -> bool:
        """Replace a user's password, if it is still the one that was read; tell whether it was."""

        def update(cursor: Any) -> bool:
            changed = cursor.execute(
                "UPDATE user SET password = %s WHERE id = %s AND password = %s", (password, user.id, user.password)
            )
            return bool(changed)

        return self._run(update)

    def _run(self, work: Callable[[Any], Result], *, again: bool = False) -> Result:
        try:
            # Whether a change that got no answer was made is not known; so it is not begun where nobody listens.
            with self._connection(proven=not again).cursor() as cursor:
                return work(cursor)
        except pymysql.err.IntegrityError as error:
            if error.args[0] == ER.DUP_ENTRY:
                raise Failure(EMAIL_TAKEN) from error
            raise Failure(UNAVAILABLE) from error
        except pymysql.err.MySQLError as error:
            self._drop()
            if again:  # the server closed an idle connection: a read may simply be repeated
                return self._run(work)
            raise Failure(UNAVAILABLE) from error

    def _connection(self, *, proven: bool) -> Any:
        """Return this thread's connection; `proven` asks the server whether it is still there, and makes a new one."""
        connection = getattr(self._thread, "connection", None)
        if connection is not None and proven:
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


def _options(settings: Database) -> dict[str, Any]:
    """Return pymysql's arguments for a URL such as mysql://user:password@host:3306/mp3converter?tls=required."""
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
        "connect_timeout": settings.timeout,
        "read_timeout": settings.timeout,
        "write_timeout": settings.timeout,
    }
    if not config.requires_tls(settings.url, "MYSQL_URL"):
        return options | {"ssl_disabled": True}
    return options | {"ssl": ssl.create_default_context()}  # one for all connections: making it costs 19 ms


@cache
def connect() -> Users:
    """Return the users of the database that the settings name."""
    return Users(config.load(Database))

"""MySQL or MariaDB: a few connections that threads share, and what its errors mean."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from queue import Empty, LifoQueue
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import pymysql

from functions.common import config
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Database

_log = logging.getLogger(__name__)

_CONNECTIONS_MOST = 8  # for all threads together; a server allows some 150 in all

Result = TypeVar("Result")


class Connections:
    """Connections to one database, which open when they are needed."""

    def __init__(self, settings: Database) -> None:
        self._options = options(settings)
        self._timeout = settings.timeout
        self._idle: LifoQueue[Any] = LifoQueue()
        for _ in range(_CONNECTIONS_MOST):
            self._idle.put(None)

    def run(self, work: Callable[[Any], Result], *, again: bool = False) -> Result:
        """Run `work` with a cursor, each statement by itself; `again` tells that it only reads, and may be repeated.

        Raises Failure(UNAVAILABLE), or pymysql's IntegrityError.
        """
        try:
            # Without an answer it is unknown whether a change was made, so check the connection before each change.
            with self._connection(checked=not again) as connection, connection.cursor() as cursor:
                return work(cursor)
        except pymysql.err.IntegrityError:
            raise
        except pymysql.err.DataError as error:
            _log.error("a column is too narrow", extra={"cause": repr(error)})
            raise Failure(UNAVAILABLE) from error
        except pymysql.err.MySQLError as error:
            if again:  # the server may have closed an idle connection, and a read may be repeated
                return self.run(work)
            raise Failure(UNAVAILABLE) from error

    def run_together(self, work: Callable[[Any], Result]) -> Result:
        """Run `work` with a cursor in one transaction. Raises as `run` does, and then nothing was changed."""

        def transaction(cursor: Any) -> Result:
            cursor.execute("START TRANSACTION")
            try:
                result = work(cursor)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
            return result

        return self.run(transaction)

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


def options(settings: Database) -> dict[str, Any]:
    """Return pymysql's arguments for a URL like mysql://user:password@host:3306/mp3converter?tls=required."""
    parts = urlsplit(settings.url)
    if len(parts.path) < 2:
        raise config.ConfigError("MYSQL_URL must name a database")
    found: dict[str, Any] = {
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
        return found | {"ssl_disabled": True}
    return found | {"ssl": ssl.create_default_context()}  # shared by all connections: creating it takes 19 ms


@cache
def connect() -> Connections:
    """Return the connections to the database in the settings."""
    return Connections(config.load(Database))

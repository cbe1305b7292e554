"""The table of failures in MySQL: how often somebody failed, and when they may try again."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import pymysql
from pymysql.constants import ER

from functions.backends import mysql

_log = logging.getLogger(__name__)

_WAIT_MOST_SECONDS = 900
_CLEANED_MOST = 4  # more than a failure adds
_TRIES_MOST = 10
_LOOK_AGAIN_SECONDS = 60.0
# Whoever has no rights on a table is not told whether there is one; that of an earlier version has other columns.
_MISSING = (ER.NO_SUCH_TABLE, ER.TABLEACCESS_DENIED_ERROR, ER.BAD_FIELD_ERROR)
_UNDONE = (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT)

_FIND = """\
SELECT subject, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), free_at) / 1000000,
    TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), expires_at)
FROM login_failure WHERE expires_at > UTC_TIMESTAMP(3) AND subject IN ({})"""
# One statement compares and counts. It assigns from left to right: a failure counts if the wait was over, the number of
# failures then gives the next wait, and the day begins anew last. Without a wait free_at is NULL: statements that wait
# for each other do not end in the order of their clocks.
_COUNT = f"""\
INSERT INTO login_failure (subject, failures, free_at, expires_at)
VALUES (
    %(subject)s, 1, IF(1 < %(free)s, NULL, UTC_TIMESTAMP(3) + INTERVAL 1 SECOND), UTC_TIMESTAMP(3) + INTERVAL 1 DAY
)
ON DUPLICATE KEY UPDATE
    failures = IF(expires_at <= UTC_TIMESTAMP(3), 1, failures + COALESCE(free_at <= UTC_TIMESTAMP(3), TRUE)),
    free_at = IF(
        expires_at <= UTC_TIMESTAMP(3) OR COALESCE(free_at <= UTC_TIMESTAMP(3), TRUE),
        IF(
            failures < %(free)s,
            NULL,
            UTC_TIMESTAMP(3) + INTERVAL LEAST({_WAIT_MOST_SECONDS}, POW(2, LEAST(failures - %(free)s, 30))) SECOND
        ),
        free_at
    ),
    expires_at = IF(expires_at <= UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY, expires_at)"""  # noqa: S608
_REMEMBER = """\
INSERT INTO login_failure (subject, failures, expires_at)
VALUES (%(subject)s, 0, UTC_TIMESTAMP(3) + INTERVAL %(days)s DAY)
ON DUPLICATE KEY UPDATE expires_at = UTC_TIMESTAMP(3) + INTERVAL %(days)s DAY"""
_OLD = "SELECT subject FROM login_failure WHERE expires_at <= UTC_TIMESTAMP(3) LIMIT %s"
# By their keys: the index would be locked with its gaps, into which others insert.
_DELETE = "DELETE FROM login_failure WHERE subject = %s AND expires_at <= UTC_TIMESTAMP(3)"


class Standing(NamedTuple):
    """How many seconds a subject has to wait, 0 for none, and after how many its row expires."""

    wait: float
    life: int


class Failures:
    """The table of failures; a subject is 32 bytes that do not tell whom they stand for.

    A table that was not migrated yet has none: then nobody waits, and a warning is logged.
    """

    def __init__(self, connections: mysql.Connections) -> None:
        self._run = connections.run
        self._missing_until = 0.0
        self._has_warned = False

    def find(self, *subjects: bytes) -> dict[bytes, Standing]:
        """Return the standing of those subjects that are in the table. Raises Failure(UNAVAILABLE)."""
        statement = _FIND.format(", ".join(["%s"] * len(subjects)))

        def select(cursor: Any) -> dict[bytes, Standing]:
            try:
                cursor.execute(statement, subjects)
            except pymysql.err.MySQLError as error:
                if error.args[0] not in _MISSING:
                    raise
                self._miss(error)
                return {}
            return {row[0]: Standing(max(0.0, float(row[1] or 0)), int(row[2])) for row in cursor.fetchall()}

        return {} if self._is_missing() else self._run(select, again=True)

    def count(self, free: Mapping[bytes, int]) -> bytes | None:
        """Count a failure for each subject, up to the first that has to wait, and return that one, if any.

        After so many that are free, waits double from a second to a quarter of an hour. Counts begin anew each day.
        Raises Failure(UNAVAILABLE) if the table cannot be written.
        """

        def upsert(cursor: Any) -> bytes | None:
            counted = partial(_execute, cursor, _COUNT)
            waiting = next((each for each in free if not counted({"subject": each, "free": free[each]})), None)
            _clean(cursor)
            return waiting

        return None if self._is_missing() else self._run(upsert)

    def remember(self, subject: bytes, days: int) -> None:
        """Keep a subject that has not failed for so many days. Raises Failure(UNAVAILABLE)."""

        def upsert(cursor: Any) -> None:
            _execute(cursor, _REMEMBER, {"subject": subject, "days": days})
            _clean(cursor)

        if not self._is_missing():
            self._run(upsert)

    def _is_missing(self) -> bool:
        return time.monotonic() < self._missing_until

    def _miss(self, error: Exception) -> None:
        self._missing_until = time.monotonic() + _LOOK_AGAIN_SECONDS
        if not self._has_warned:
            self._has_warned = True
            _log.warning("no table login_failure, so nobody has to wait", extra={"cause": repr(error)})


def _clean(cursor: Any) -> None:
    cursor.execute(_OLD, (_CLEANED_MOST,))
    for row in cursor.fetchall():
        _execute(cursor, _DELETE, row)


def _execute(cursor: Any, statement: str, values: object) -> int:
    """Run a statement, and again if the server undid it in favour of another; return how many rows it changed."""
    for _ in range(_TRIES_MOST - 1):
        try:
            return int(cursor.execute(statement, values))
        except pymysql.err.OperationalError as error:
            if error.args[0] not in _UNDONE:
                raise
    return int(cursor.execute(statement, values))


@cache
def connect() -> Failures:
    """Return the failures in the database of the settings."""
    return Failures(mysql.connect())

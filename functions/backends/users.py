"""The table of users in MySQL or MariaDB."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypedDict

import pymysql
from pymysql.constants import ER

from functions.backends import mysql
from functions.common.errors import EMAIL_TAKEN, UNAVAILABLE, Failure

_log = logging.getLogger(__name__)

WAITING, ACTIVE, DISABLED, CLOSING = "waiting", "active", "disabled", "closing"

# All columns, because the table of an old system has only the first three.
_FIND = "SELECT * FROM user WHERE email IN (%s, %s, %s) LIMIT %s"
# An old table may lack the unique index, and the state.
_ADD = (
    "INSERT INTO user (email, password{more}) SELECT %s, %s{value} FROM DUAL "
    "WHERE NOT EXISTS (SELECT 1 FROM user WHERE email = %s)"
)
_ADD_ACTIVE, _ADD_WAITING = _ADD.format(more="", value=""), _ADD.format(more=", state", value=", 'waiting'")
_MARGIN_SECONDS = 300  # clocks differ, and an API key is remembered for a minute
_ROWS_MOST = 20  # equal by a collation


@dataclass(frozen=True)
class User:
    """A row: the id, the e-mail address, the password's hash (plain text in rows of an old database), and the state."""

    id: int
    email: str
    password: str
    state: str = ACTIVE
    mails: bool = True
    webhook: str | None = None
    created_at: datetime | None = None


class Told(TypedDict, total=False):
    """How a user is told about conversions: by mail or not, and where by webhook, if at all."""

    mails: bool
    webhook: str | None


class Users:
    """The table of users."""

    def __init__(self, connections: mysql.Connections) -> None:
        self._connections = connections

    def find(self, email: str) -> User | None:
        """Return the user with this e-mail address, in any case and with spaces around it, or None if there is none.

        Rows of an old database may have other spellings; a column whose collation compares bytes finds only the usual
        one and the given one. Two rows with one address are an error, which is only logged.
        """
        wanted, given = normal(email), email.strip()

        def select(cursor: Any) -> list[User]:
            # Few collations ignore a space at the end. Most ignore case, and consider some different addresses equal.
            cursor.execute(_FIND, (wanted, f"{wanted} ", given, _ROWS_MOST))
            return [user for user in _rows(cursor) if normal(user.email) == wanted]

        found = self._connections.run(select, again=True)
        if len(found) > 1:
            _log.error("several users have one address", extra={"users": [user.id for user in found]})
        return found[0] if len(found) == 1 else None

    def get(self, user: int) -> User | None:
        """Return the user with this id, or None if there is none."""

        def select(cursor: Any) -> list[User]:
            cursor.execute("SELECT * FROM user WHERE id = %s LIMIT 1", (user,))
            return _rows(cursor)

        return next(iter(self._connections.run(select, again=True)), None)

    def page(self, after: int, most: int) -> list[User]:
        """Return the users whose ids follow this one, at most so many."""

        def select(cursor: Any) -> list[User]:
            cursor.execute("SELECT * FROM user WHERE id > %s ORDER BY id LIMIT %s", (after, most))
            return _rows(cursor)

        return self._connections.run(select, again=True)

    def add(self, email: str, password: str, *, waiting: bool = False) -> User:
        """Add a user, whose address may be waiting for confirmation. Raises Failure(EMAIL_TAKEN) if it is taken."""

        def insert(cursor: Any) -> User:
            if not cursor.execute(_ADD_WAITING if waiting else _ADD_ACTIVE, (email, password, email)):
                raise Failure(EMAIL_TAKEN)
            return User(cursor.lastrowid, email, password, WAITING if waiting else ACTIVE)

        try:
            return self._connections.run(insert)
        except pymysql.err.IntegrityError as error:
            if error.args[0] == ER.DUP_ENTRY:
                raise Failure(EMAIL_TAKEN) from error
            raise Failure(UNAVAILABLE) from error

    def change_password(self, user: User, password: str) -> bool:
        """Replace a user's password if it has not changed since it was read; return whether it was replaced."""
        return self._change("password = %s", (password,), user.id, "password = %s", (user.password,))

    def change_state(self, user: int, state: str, *among: str) -> bool:
        """Set a user's state if it is one of these; return whether it was."""
        return self._change("state = %s", (state,), user, f"state IN ({', '.join(['%s'] * len(among))})", among)

    def close(self, user: int, keep_seconds: int) -> bool:
        """Close an account; its row may be removed after these seconds, in which tokens end, and a margin."""
        after = "state = %s, remove_after = UTC_TIMESTAMP() + INTERVAL %s SECOND"
        return self._change(after, (CLOSING, keep_seconds + _MARGIN_SECONDS), user, "state <> %s", (CLOSING,))

    def set_told(self, user: int, told: Told) -> bool:
        """Set how a user is told about conversions; return whether that changed anything."""
        names = [name for name in ("mails", "webhook") if name in told]
        values = [told[name] for name in names]
        what, when = ", ".join(f"{name} = %s" for name in names), " AND ".join(f"{name} <=> %s" for name in names)
        return self._change(what, (*values,), user, f"NOT ({when})", (*values,))

    def _change(self, what: str, values: tuple[Any, ...], user: int, when: str, known: tuple[Any, ...]) -> bool:
        # Only the values come from outside.
        statement = f"UPDATE user SET {what} WHERE id = %s AND {when}"  # noqa: S608

        def update(cursor: Any) -> bool:
            return bool(cursor.execute(statement, (*values, user, *known)))

        return self._connections.run(update)


def normal(email: str) -> str:
    """Return an e-mail address as the table has it: in lower case, without spaces around it."""
    return email.strip().lower()


def _rows(cursor: Any) -> list[User]:
    names = [column[0].lower() for column in cursor.description]
    return [_user(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _user(row: dict[str, Any]) -> User:
    return User(
        row["id"],
        row["email"].strip(),
        row["password"] or "",
        row.get("state", ACTIVE),
        bool(row.get("mails", True)),
        row.get("webhook"),
        row.get("created_at"),
    )


@cache
def connect() -> Users:
    """Return the users of the database in the settings."""
    return Users(mysql.connect())

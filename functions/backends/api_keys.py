"""The table of API keys in MySQL, as login sees it."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from functions.backends import mysql

# One after another for each user, so that nobody gets more than allowed.
_LOCK = "SELECT 1 FROM user WHERE id = %s FOR UPDATE"
_COUNT = """\
SELECT COUNT(*) FROM api_key WHERE user_id = %s AND revoked_at IS NULL AND expires_at > UTC_TIMESTAMP()"""
_ADD = """\
INSERT INTO api_key (user_id, name, hash, hint, created_at, expires_at)
VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL %s DAY)"""
_FIND = "SELECT id, name, hint, created_at, expires_at FROM api_key WHERE id = %s"
_LIST = """\
SELECT id, name, hint, created_at, expires_at FROM api_key
WHERE user_id = %s AND revoked_at IS NULL AND expires_at > UTC_TIMESTAMP() ORDER BY id"""
_REVOKE = """\
UPDATE api_key SET revoked_at = UTC_TIMESTAMP()
WHERE id = %s AND user_id = %s AND revoked_at IS NULL AND expires_at > UTC_TIMESTAMP()"""

_REVOKE_ITSELF = """\
UPDATE api_key SET revoked_at = UTC_TIMESTAMP()
WHERE id = %s AND hash = %s AND revoked_at IS NULL AND expires_at > UTC_TIMESTAMP()"""


class ApiKey(NamedTuple):
    """What is stored about a key; the key itself cannot be recovered."""

    id: int
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime


class ApiKeys:
    """The keys of all users."""

    def __init__(self, connections: mysql.Connections) -> None:
        self._run, self._run_together = connections.run, connections.run_together

    def add(self, user: int, name: str, hashed: bytes, hint: str, days: int, most: int) -> ApiKey | None:
        """Add a key, unless the user has so many that are valid; return it."""

        def insert(cursor: Any) -> ApiKey | None:
            cursor.execute(_LOCK, (user,))
            cursor.execute(_COUNT, (user,))
            if cursor.fetchone()[0] >= most:
                return None
            cursor.execute(_ADD, (user, name, hashed, hint, days))
            cursor.execute(_FIND, (cursor.lastrowid,))
            return ApiKey(*cursor.fetchone())

        return self._run_together(insert)

    def of(self, user: int) -> list[ApiKey]:
        """Return the valid keys of a user, oldest first."""

        def select(cursor: Any) -> list[ApiKey]:
            cursor.execute(_LIST, (user,))
            return [ApiKey(*row) for row in cursor.fetchall()]

        return self._run(select, again=True)

    def revoke(self, user: int, key: int) -> bool:
        """Revoke a valid key of a user; return whether there was one."""
        return self._run(lambda cursor: bool(cursor.execute(_REVOKE, (key, user))))

    def revoke_itself(self, key: int, hashed: bytes) -> bool:
        """Revoke a valid key by what is stored of it; return whether there was one."""
        return self._run(lambda cursor: bool(cursor.execute(_REVOKE_ITSELF, (key, hashed))))


@cache
def connect() -> ApiKeys:
    """Return the keys of the database in the settings."""
    return ApiKeys(mysql.connect())

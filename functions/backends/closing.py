"""What sweep removes in MySQL: accounts that are closed or were never confirmed, and API keys that have ended."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from functions.backends import maybe_mysql

if TYPE_CHECKING:
    from functions.backends.mysql import Connections

# An address that was never confirmed becomes free again.
_FORGET_WAITING = "DELETE FROM user WHERE state = 'waiting' AND remove_after < UTC_TIMESTAMP()"
_FORGET_KEYS = "DELETE FROM api_key WHERE revoked_at IS NOT NULL OR expires_at < UTC_TIMESTAMP()"
_CLOSING = "SELECT id FROM user WHERE state = 'closing' AND id > %s ORDER BY id LIMIT %s"
# The user goes last: a crash in between leaves the account closing.
_REMOVE = (
    "DELETE FROM mail_token WHERE user_id = %s",
    "DELETE FROM api_key WHERE user_id = %s",
    "DELETE FROM user WHERE id = %s AND state = 'closing' AND remove_after < UTC_TIMESTAMP()",
)


class Closing:
    """The accounts that are being closed."""

    def __init__(self, connections: Connections) -> None:
        self._run = connections.run

    def forget_waiting(self) -> int:
        """Remove users who never confirmed their address, and return how many there were."""
        return self._run(lambda cursor: int(cursor.execute(_FORGET_WAITING)))

    def forget_keys(self) -> int:
        """Remove API keys that were revoked or have expired, and return how many there were."""
        return self._run(lambda cursor: int(cursor.execute(_FORGET_KEYS)))

    def users(self, after: int, most: int) -> list[int]:
        """Return the ids of closing accounts that follow this one, at most so many."""

        def select(cursor: Any) -> list[int]:
            cursor.execute(_CLOSING, (after, most))
            return [int(number) for (number,) in cursor.fetchall()]

        return self._run(select, again=True)

    def remove(self, user: int) -> bool:
        """Remove a user who has no jobs any more, unless a token may still be valid; return whether it is gone."""
        return self._run(lambda cursor: [bool(cursor.execute(statement, (user,))) for statement in _REMOVE][-1])


@cache
def connect() -> Closing | None:
    """Return the accounts in the database in the settings, or None if there is none."""
    connections = maybe_mysql.connect()
    return Closing(connections) if connections else None

"""Who wants mails about conversions, in MySQL; an account that is disabled or being closed gets none either."""

from __future__ import annotations

from functools import cache

from functions.backends import mysql

_UNWANTED = "SELECT 1 FROM no_mails WHERE user_id = %s"


class Recipients:
    """The users who get mails."""

    def __init__(self, connections: mysql.Connections) -> None:
        self._run = connections.run

    def want(self, user: str) -> bool:
        """Tell whether a user wants mails. Raises Failure(UNAVAILABLE)."""
        return self._run(lambda cursor: not cursor.execute(_UNWANTED, (user,)), again=True)


@cache
def connect() -> Recipients | None:
    """Return the recipients in the database in the settings, or None if there is none."""
    connections = mysql.connect_if_given()
    return Recipients(connections) if connections else None

"""Who gets mails about conversions, and where webhooks go, in MySQL.

Users whose accounts are disabled or being closed get neither.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from functions.backends import maybe_mysql
from functions.common.values import Document

if TYPE_CHECKING:
    from functions.backends.mysql import Connections

_UNWANTED = "SELECT 1 FROM no_mails WHERE user_id = %s"
_WEBHOOK = "SELECT wanted, url FROM webhook WHERE user_id = %s"


class Recipients:
    """The users who get mails and webhooks."""

    def __init__(self, connections: Connections) -> None:
        self._run = connections.run

    def want(self, user: str) -> bool:
        """Tell whether a user wants mails. Raises Failure(UNAVAILABLE)."""
        return self._run(lambda cursor: not cursor.execute(_UNWANTED, (user,)), again=True)

    def address_of(self, job: Document) -> str | None:
        """Return where the webhook of a job goes: as was said with its video, or where its owner's account says.

        None if there is no address, or its owner gets none. Raises Failure(UNAVAILABLE).
        """

        def select(cursor: Any) -> Any:
            cursor.execute(_WEBHOOK, (job["owner"],))
            return cursor.fetchone() or (True, None)

        wanted, url = self._run(select, again=True)
        return (_given(job) or url) if wanted else None


def address_of(job: Document) -> str | None:
    """Do the same for a job with the database in the settings; without one, only what was said with its video counts.

    Raises Failure(UNAVAILABLE).
    """
    people = connect()
    return people.address_of(job) if people else _given(job)


def _given(job: Document) -> str | None:
    url: str | None = job["webhook"].get("url")
    return url


@cache
def connect() -> Recipients | None:
    """Return the recipients in the database in the settings, or None if there is none."""
    connections = maybe_mysql.connect()
    return Recipients(connections) if connections else None

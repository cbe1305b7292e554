"""MySQL for functions that also work without it: its driver loads only where it is asked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from functions.common import config
from functions.common.settings import Database, MaybeDatabase

if TYPE_CHECKING:
    from functions.backends.mysql import Connections


@cache
def connect() -> Connections | None:
    """Return the connections to the database in the settings, which all share, or None if they name none."""
    found = config.load(MaybeDatabase)
    if not found.url:
        return None
    # Most requests that may ask it do not: they come with a token, or change nothing about a webhook.
    from functions.backends import mysql

    return mysql.Connections(Database(found.url, found.timeout))

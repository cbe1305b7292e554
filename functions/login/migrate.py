"""Migrations: bring the tables of an earlier version, or of an old system, up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymysql
from pymysql.constants import ER

_FOLDER = Path(__file__).parent / "migrations"
_LOCK_SECONDS = 5
# A statement that an earlier run made. DDL cannot be rolled back, so a run that was killed leaves some of them made.
_MADE = (ER.DUP_FIELDNAME, ER.DUP_KEYNAME, ER.TABLE_EXISTS_ERROR, ER.CANT_DROP_FIELD_OR_KEY)


def run(cursor: Any) -> None:
    """Run every statement of every migration that was not made yet.

    It is safe to repeat, and to kill. Raises pymysql's MySQLError.
    """
    # A change that waits for a long transaction, such as a backup, lets nobody log in until it is made.
    cursor.execute(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")
    for statement in statements():
        _run(cursor, statement)


def statements() -> list[str]:
    """Return the statements of all migrations, in order."""
    texts = [file.read_text() for file in sorted(_FOLDER.glob("*.sql"))]
    return [statement.strip() for text in texts for statement in text.split(";") if statement.strip()]


def _run(cursor: Any, statement: str) -> None:
    try:
        cursor.execute(statement)
    except pymysql.err.MySQLError as error:
        if error.args[0] in _MADE:
            return
        raise

"""The tokens in letters of login, in MySQL: each proves once that somebody reads the mail of an address."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, Literal

from functions.backends import mysql

Purpose = Literal["confirm", "reset"]

_LIFE_SECONDS = 86_400  # a day
_WAITING_SECONDS = 7 * 86_400

# One after another for each user: without the lock, letters that are asked for at once could be more than allowed.
_LOCK = "SELECT 1 FROM user WHERE id = %s FOR UPDATE"
_COUNT = "SELECT COUNT(*) FROM mail_token WHERE user_id = %s"
_ADD = """\
INSERT INTO mail_token (hash, user_id, purpose, password, created_at, expires_at)
VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL %s SECOND)"""
_CLEAN = "DELETE FROM mail_token WHERE expires_at < UTC_TIMESTAMP() LIMIT 100"
_KEEP = """\
UPDATE user SET remove_after = UTC_TIMESTAMP() + INTERVAL %s SECOND WHERE id = %s AND state = 'waiting'"""
# One statement changes both tables, so that no crash can use a token up without its effect.
_CONFIRM = """\
UPDATE user JOIN mail_token ON mail_token.user_id = user.id
SET user.state = 'active', user.remove_after = NULL, user.password = mail_token.password,
    mail_token.used_at = UTC_TIMESTAMP()
WHERE mail_token.hash = %s AND mail_token.purpose = 'confirm' AND mail_token.expires_at > UTC_TIMESTAMP()
    AND mail_token.used_at IS NULL AND user.state = 'waiting'"""
_IS_CONFIRMED = """\
SELECT 1 FROM mail_token JOIN user ON user.id = mail_token.user_id
WHERE mail_token.hash = %s AND mail_token.purpose = 'confirm' AND mail_token.expires_at > UTC_TIMESTAMP()
    AND mail_token.used_at IS NOT NULL AND user.state = 'active'"""
# Who reads the mail of a waiting address also confirms it by setting a password.
_CAN_RESET = """\
SELECT 1 FROM mail_token JOIN user ON user.id = mail_token.user_id
WHERE mail_token.hash = %s AND mail_token.purpose = 'reset' AND mail_token.expires_at > UTC_TIMESTAMP()
    AND mail_token.used_at IS NULL AND user.state IN ('waiting', 'active')"""
_RESET = """\
UPDATE user JOIN mail_token ON mail_token.user_id = user.id
SET user.password = %s, user.state = 'active', user.remove_after = NULL, mail_token.used_at = UTC_TIMESTAMP()
WHERE mail_token.hash = %s AND mail_token.purpose = 'reset' AND mail_token.expires_at > UTC_TIMESTAMP()
    AND mail_token.used_at IS NULL AND user.state IN ('waiting', 'active')"""
_VOID = """\
UPDATE mail_token SET used_at = UTC_TIMESTAMP() WHERE user_id = %s AND purpose = 'reset' AND used_at IS NULL"""


class MailTokens:
    """The table of tokens; only hashes are stored, so that a stolen table opens no account."""

    def __init__(self, connections: mysql.Connections) -> None:
        self._run, self._run_together = connections.run, connections.run_together

    def add(self, user: int, purpose: Purpose, token: str, most: int, password: str | None = None) -> bool:
        """Add a token, unless the user got so many within its life; return whether it was added.

        `password` is the hash that a confirmation sets: the account is theirs who asked for this letter.
        """

        def insert(cursor: Any) -> bool:
            cursor.execute(_LOCK, (user,))
            cursor.execute(_COUNT, (user,))
            if cursor.fetchone()[0] >= most:
                return False
            cursor.execute(_ADD, (_hash(token), user, purpose, password, _LIFE_SECONDS))
            cursor.execute(_KEEP, (_WAITING_SECONDS, user))
            return True

        self._run(lambda cursor: cursor.execute(_CLEAN))
        return self._run_together(insert)

    def confirm(self, token: str) -> bool:
        """Make the account of a token active; return whether the token is valid. It may be repeated."""

        def update(cursor: Any) -> bool:
            cursor.execute(_CONFIRM, (_hash(token),))
            return bool(cursor.execute(_IS_CONFIRMED, (_hash(token),)))

        return self._run(update)

    def can_reset(self, token: str) -> bool:
        """Tell whether a token may still set a password."""
        return self._run(lambda cursor: bool(cursor.execute(_CAN_RESET, (_hash(token),))), again=True)

    def reset(self, token: str, password: str) -> int | None:
        """Set the password of a token's account, and void the user's other tokens; return the user's id.

        None if the token is not valid, or was used.
        """

        def update(cursor: Any) -> int | None:
            if not cursor.execute(_RESET, (password, _hash(token))):
                return None
            cursor.execute("SELECT user_id FROM mail_token WHERE hash = %s", (_hash(token),))
            (user,) = cursor.fetchone()
            cursor.execute(_VOID, (user,))
            return int(user)

        return self._run_together(update)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@cache
def connect() -> MailTokens:
    """Return the tokens of the database in the settings."""
    return MailTokens(mysql.connect())

"""Accounts: check passwords, add users, change passwords; passwords are stored as Argon2id hashes."""

from __future__ import annotations

import hmac
import logging
from dataclasses import replace
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from functions.backends.users import User, Users
from functions.common.errors import INVALID_EMAIL, WEAK_PASSWORD, WRONG_CREDENTIALS, Failure

_log = logging.getLogger(__name__)

PASSWORD_LEAST_CHARACTERS = 8
PASSWORD_MOST_BYTES = 1024

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)


def check(users: Users, email: str, password: str) -> User:
    """Return the user with these credentials.

    Raises Failure(WRONG_CREDENTIALS). The answer and its time are the same for an unknown user and a wrong password.
    """
    if len(password.encode()) > PASSWORD_MOST_BYTES:
        raise Failure(WRONG_CREDENTIALS)
    user = users.find(_normal(email))
    if not _matches(user.password if user else _unknown_user_hash(), password) or user is None:
        raise Failure(WRONG_CREDENTIALS)
    if not _is_hash(user.password) or _HASHER.check_needs_rehash(user.password):
        return _upgraded(users, user, password)
    return user


def add(users: Users, email: str, password: str) -> User:
    """Add a user. Raises Failure: INVALID_EMAIL, WEAK_PASSWORD or EMAIL_TAKEN."""
    from email_validator import EmailNotValidError, validate_email  # slow to load, and logins do not need it

    try:
        address = validate_email(email, check_deliverability=False, test_environment=True).ascii_email
    except EmailNotValidError as error:
        raise Failure(INVALID_EMAIL) from error
    # Mails are sent without SMTPUTF8 (RFC 6531), so no other address could get one.
    if address is None or not email.isascii():
        raise Failure(INVALID_EMAIL)
    return users.add(_normal(address), _hashed(password))


def change_password(users: Users, user: User, password: str) -> None:
    """Set a user's password. Raises Failure(WEAK_PASSWORD), or WRONG_CREDENTIALS if it was changed meanwhile."""
    if not users.change_password(user, _hashed(password)):
        raise Failure(WRONG_CREDENTIALS)


def _upgraded(users: Users, user: User, password: str) -> User:
    # A row of an old database, or weaker parameters. If the password was changed meanwhile, that change wins.
    upgraded = replace(user, password=_HASHER.hash(password))
    if not users.change_password(user, upgraded.password):
        return user
    _log.info("password hash upgraded", extra={"user": user.id})
    return upgraded


def _hashed(password: str) -> str:
    if len(password) < PASSWORD_LEAST_CHARACTERS or len(password.encode()) > PASSWORD_MOST_BYTES:
        raise Failure(WEAK_PASSWORD)
    return _HASHER.hash(password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except VerifyMismatchError:
        return False
    except InvalidHashError:
        # Take as long as for a hash, so that the time does not reveal plain text.
        _matches(_unknown_user_hash(), password)
        return hmac.compare_digest(stored.encode(), password.encode())


def _is_hash(stored: str) -> bool:
    return stored.startswith("$argon2")


@cache
def _unknown_user_hash() -> str:
    return _HASHER.hash("the password of no user")


def _normal(email: str) -> str:
    return email.strip().lower()

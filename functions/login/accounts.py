"""Accounts: check passwords, add users, change passwords; passwords are stored as Argon2id hashes."""

from __future__ import annotations

import logging
from dataclasses import replace

from functions.backends.users import ACTIVE, DISABLED, User, Users, normal
from functions.common.errors import (
    ACCOUNT_DISABLED,
    COMMON_PASSWORD,
    INVALID_EMAIL,
    WEAK_PASSWORD,
    WRONG_CREDENTIALS,
    Failure,
)
from functions.login import stored

_log = logging.getLogger(__name__)

PASSWORD_LEAST_CHARACTERS = 8
PASSWORD_MOST_BYTES = 1024


def check(users: Users, email: str, password: str) -> User:
    """Return the user with these credentials.

    Raises Failure: WRONG_CREDENTIALS, with the same answer and time for an unknown user, a wrong password, and an
    account that is not confirmed or is being closed; ACCOUNT_DISABLED for the right password.
    """
    if len(password.encode()) > PASSWORD_MOST_BYTES:
        raise Failure(WRONG_CREDENTIALS)
    user = users.find(email)
    if user and user.state not in (ACTIVE, DISABLED):
        user = None
    if not stored.matches(user.password if user else None, password) or user is None:
        if user and stored.is_foreign(user.password):
            _log.warning("the stored password is a hash of another system", extra={"user": user.id})
        raise Failure(WRONG_CREDENTIALS)
    if user.state == DISABLED:
        raise Failure(ACCOUNT_DISABLED)
    return _upgraded(users, user, password) if stored.is_outdated(user.password) else user


def add(users: Users, email: str, password: str) -> User:
    """Add a user. Raises Failure: INVALID_EMAIL, WEAK_PASSWORD, COMMON_PASSWORD or EMAIL_TAKEN."""
    given = address(email)
    return users.add(given, hashed(password, given))


def address(email: str) -> str:
    """Return an e-mail address as the table has it. Raises Failure(INVALID_EMAIL)."""
    from email_validator import EmailNotValidError, validate_email  # slow to load, and logins do not need it

    try:
        found = validate_email(email, check_deliverability=False, test_environment=True).ascii_email
    except EmailNotValidError as error:
        raise Failure(INVALID_EMAIL) from error
    # Mails are sent without SMTPUTF8 (RFC 6531), so no other address could get one.
    if found is None or not email.isascii():
        raise Failure(INVALID_EMAIL)
    return normal(found)


def change_password(users: Users, user: User, password: str) -> None:
    """Set a user's password.

    Raises Failure: WEAK_PASSWORD, COMMON_PASSWORD, or WRONG_CREDENTIALS if it was changed meanwhile.
    """
    if not users.change_password(user, hashed(password, user.email)):
        raise Failure(WRONG_CREDENTIALS)


def _upgraded(users: Users, user: User, password: str) -> User:
    """Store a password of an old database as a hash; the login succeeds even if that fails."""
    upgraded = replace(user, password=stored.hashed(password))
    try:
        changed = users.change_password(user, upgraded.password)
    except Failure as failure:
        _log.warning("password hash not upgraded", extra={"user": user.id, "cause": repr(failure.__cause__)})
        return user
    if not changed:  # it was changed meanwhile, and that change wins
        return user
    _log.info("password hash upgraded", extra={"user": user.id})
    return upgraded


def hashed(password: str, email: str = "") -> str:
    """Return what to store for the password of the account with this address.

    Raises Failure: WEAK_PASSWORD, COMMON_PASSWORD, BUSY.
    """
    if len(password) < PASSWORD_LEAST_CHARACTERS or len(password.encode()) > PASSWORD_MOST_BYTES:
        raise Failure(WEAK_PASSWORD)
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # slow to load, and logins do not need it

    # Guessing starts with the address, and with what leaked most often, in any case (NIST SP 800-63B, section 3.1.1.2).
    if normal(password) == normal(email) or password.lower() in FREQUENCY_LISTS["passwords"]:
        raise Failure(COMMON_PASSWORD)
    return stored.hashed(password)

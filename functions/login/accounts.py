"""Accounts: check passwords; passwords are stored as Argon2id hashes."""

from __future__ import annotations

import logging
from dataclasses import replace

from functions.backends.users import ACTIVE, DISABLED, User, Users
from functions.common.errors import ACCOUNT_DISABLED, WRONG_CREDENTIALS, Failure
from functions.login import stored

_log = logging.getLogger(__name__)

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

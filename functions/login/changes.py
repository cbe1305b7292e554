"""Changes: add users and set passwords; logins need none of this, and what it imports takes long to load."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from functions.backends.users import User, Users, normal
from functions.common.errors import COMMON_PASSWORD, INVALID_EMAIL, WEAK_PASSWORD, WRONG_CREDENTIALS, Failure
from functions.login import stored
from functions.login.accounts import PASSWORD_MOST_BYTES

PASSWORD_LEAST_CHARACTERS = 8


def add(users: Users, email: str, password: str) -> User:
    """Add a user. Raises Failure: INVALID_EMAIL, WEAK_PASSWORD, COMMON_PASSWORD or EMAIL_TAKEN."""
    given = address(email)
    return users.add(given, hashed(password, given))


def address(email: str) -> str:
    """Return an e-mail address as the table has it. Raises Failure(INVALID_EMAIL)."""
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


def hashed(password: str, email: str = "") -> str:
    """Return what to store for the password of the account with this address.

    Raises Failure: WEAK_PASSWORD, COMMON_PASSWORD, BUSY.
    """
    if len(password) < PASSWORD_LEAST_CHARACTERS or len(password.encode()) > PASSWORD_MOST_BYTES:
        raise Failure(WEAK_PASSWORD)
    # Guessing starts with the address, and with what leaked most often, in any case (NIST SP 800-63B, section 3.1.1.2).
    if normal(password) == normal(email) or password.lower() in FREQUENCY_LISTS["passwords"]:
        raise Failure(COMMON_PASSWORD)
    return stored.hashed(password)

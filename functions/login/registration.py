"""Registration and recovery: anyone who can read the mail sent to an address gets an account for it, or a new password.

Answers are the same for known and unknown addresses, because everything that differs is done once they are out. If the
process dies then, no letter comes, and the person asks again.
"""

from __future__ import annotations

import logging
from email.utils import make_msgid, parseaddr
from typing import NamedTuple

from functions.backends.mail import Mailer, Postponed, Refused, Unanswered
from functions.backends.mail_tokens import MailTokens, Purpose
from functions.backends.users import ACTIVE, WAITING, User, Users
from functions.common import letters
from functions.common.errors import EMAIL_TAKEN, USED_LINK, Failure
from functions.common.letters import Letter
from functions.login import changes, messages
from functions.login.mail_links import MailLinks

_log = logging.getLogger(__name__)

_LETTERS_A_DAY = 5  # to one address


class Registry(NamedTuple):
    """The users, the tokens in letters, and what letters need."""

    users: Users
    tokens: MailTokens
    mailer: Mailer
    links: MailLinks


def register(registry: Registry, address: str, password: str) -> None:
    """Add a waiting user with a password's hash, and write how to confirm the address; or that there is an account."""
    user = registry.users.find(address) or _added(registry.users, address, password)
    if user and user.state == WAITING:
        _write(registry, user, "confirm", password)
    elif user and user.state == ACTIVE:
        _write(registry, user, "reset", known=True)


def recover(registry: Registry, address: str) -> None:
    """Write how to set a new password, if somebody has this address."""
    user = registry.users.find(address)
    if user and user.state in (WAITING, ACTIVE):
        _write(registry, user, "reset")


def confirm(registry: Registry, signed: str) -> None:
    """Make the account of a link active. Raises Failure(USED_LINK)."""
    if not registry.tokens.confirm(registry.links.read(signed, "confirm")):
        raise Failure(USED_LINK)


def reset(registry: Registry, signed: str, password: str) -> None:
    """Set the password of a link's account. Raises Failure: USED_LINK, WEAK_PASSWORD or COMMON_PASSWORD."""
    token = registry.links.read(signed, "reset")
    if not registry.tokens.can_reset(token):  # before a hash is computed
        raise Failure(USED_LINK)
    user = registry.tokens.reset(token, changes.hashed(password))
    if user is None:
        raise Failure(USED_LINK)
    _log.info("password set by mail", extra={"user": str(user)})


def _added(users: Users, address: str, password: str) -> User | None:
    try:
        return users.add(address, password, waiting=True)
    except Failure as failure:
        if failure.kind is not EMAIL_TAKEN:
            raise
        return users.find(address)  # added meanwhile


def _write(
    registry: Registry, user: User, purpose: Purpose, password: str | None = None, *, known: bool = False
) -> None:
    token, link = registry.links.new(purpose)
    if not registry.tokens.add(user.id, purpose, token, _LETTERS_A_DAY, password):
        _log.warning("too many letters", extra={"user": str(user.id)})
        return
    letter = messages.confirm(link) if purpose == "confirm" else (messages.known if known else messages.reset)(link)
    _send(registry.mailer, user, letter)


def _send(mailer: Mailer, user: User, letter: Letter) -> None:
    domain = parseaddr(mailer.sender)[1].rpartition("@")[2] or "localhost"
    message = letters.compose(letter, sender=mailer.sender, recipient=user.email, message_id=make_msgid(domain=domain))
    try:
        mailer.send(user.email, message)
    except (Refused, Postponed, Unanswered) as error:
        _log.warning("letter not sent", extra={"user": str(user.id), "cause": repr(error.__cause__ or error)})
    else:
        _log.info("letter sent", extra={"user": str(user.id)})

"""The throttle: whoever fails too often waits, longer each time but never for ever, before a password is looked at.

Failures count for the account, whether or not there is one, and for the client's address. From where a password was
right before, only the failures from there count, so that nobody can keep a user out. Letters that an address asks for
count like failures, whoever they are for.
"""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, TypeVar

from flask import Request

from functions.backends import failures
from functions.backends.failures import Failures
from functions.backends.users import normal
from functions.common import clients, config
from functions.common.errors import ACCOUNT_DISABLED, TOO_MANY_TRIES, WRONG_CREDENTIALS, Failure
from functions.common.settings import SignedLinks, Throttling

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

_KNOWN_DAYS = 90
_REMEMBERED_AGAIN_SECONDS = 86_400
_LABEL = b"mp3converter.login_failure"


class _Try(NamedTuple):
    """Who tries: the address where the account was used before, if it was, and the subjects that count failures."""

    known: bytes
    account_from_address: bytes
    account: bytes
    address: bytes


class Throttle:
    """The decisions about who has to wait."""

    def __init__(self, failures: Failures, limits: Throttling, secret: str) -> None:
        self._failures, self._limits = failures, limits
        # A stolen table must not tell who failed, nor from where.
        self._key = hmac.digest(secret.encode(), _LABEL, "sha256")

    def attempt(self, account: str, address: str, check: Callable[[], Result]) -> Result:
        """Return what `check` does, or raise its Failure, and count it if it is WRONG_CREDENTIALS.

        Raises Failure(TOO_MANY_TRIES) before the check; or after it, if others failed meanwhile, so that tries at the
        same time tell no more than one after another. While the table cannot be written, nothing counts, and the right
        password is as right.
        """
        if not self._limits.account_tries:
            return check()
        each = self._try(normal(account), address)
        is_known = self._refuse_waiting(each)
        try:
            found = check()
        except Failure as failure:
            if failure.kind is WRONG_CREDENTIALS:
                self._fail(each, is_known)
            elif failure.kind is ACCOUNT_DISABLED:  # for the right password
                self._refuse_waiting(each)
            raise
        if not self._refuse_waiting(each, _KNOWN_DAYS * 86_400 - _REMEMBERED_AGAIN_SECONDS):
            self._remember(each.known)
        return found

    def address(self, request: Request) -> str:
        """Return the address that a request comes from."""
        return clients.address(request, self._limits.trusted_proxies)

    def letter(self, address: str) -> None:
        """Count a request for a letter from an address. Raises Failure(TOO_MANY_TRIES) while it has to wait."""
        if not self._limits.letters:
            return
        waiting = self._count({self._subject("letters", address): self._limits.letters})
        if waiting:
            raise self._wait(waiting)

    def _refuse_waiting(self, each: _Try, least_life: int = 0) -> bool:
        """Return whether the account was used from this address before, and is remembered for so many seconds more."""
        standings = self._failures.find(*each)
        counting = (each.account_from_address,) if each.known in standings else (each.account, each.address)
        wait = max((standings[subject].wait for subject in counting if subject in standings), default=0.0)
        if wait > 0:
            raise _too_many(wait)
        return each.known in standings and standings[each.known].life >= least_life

    def _fail(self, each: _Try, is_known: bool) -> None:
        # The same queries for both.
        limits = {each.account_from_address if is_known else each.account: self._limits.account_tries}
        if self._limits.address_tries:
            limits[each.address] = self._limits.address_tries
        waiting = self._count(limits)
        if waiting and not (is_known and waiting == each.address):
            raise self._wait(waiting)

    def _count(self, free: Mapping[bytes, int]) -> bytes | None:
        try:
            return self._failures.count(free)
        except Failure as failure:
            _log.warning("failure not counted", extra={"cause": repr(failure.__cause__)})
            return None

    def _remember(self, subject: bytes) -> None:
        try:
            self._failures.remember(subject, _KNOWN_DAYS)
        except Failure as failure:
            _log.warning("address not remembered", extra={"cause": repr(failure.__cause__)})

    def _wait(self, subject: bytes) -> Failure:
        standing = self._failures.find(subject).get(subject)
        return _too_many(standing.wait if standing else 0.0)

    def _try(self, account: str, address: str) -> _Try:
        both = f"{account}\0{address}"
        return _Try(
            self._subject("known", both),
            self._subject("account from address", both),
            self._subject("account", account),
            self._subject("address", address),
        )

    def _subject(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\0{value}".encode(), "sha256")


def _too_many(wait: float) -> Failure:
    return Failure(TOO_MANY_TRIES, {"Retry-After": str(max(1, math.ceil(wait)))})


@cache
def connect() -> Throttle:
    """Return the throttle of the settings."""
    return Throttle(failures.connect(), config.load(Throttling), config.load(SignedLinks).link_secret)

"""Stored passwords: Argon2id hashes, and what rows of old databases hold instead."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from functions.common import cgroups
from functions.common.errors import BUSY, Failure

_HASH_BYTES = 19_456 * 2**10
_OTHER_BYTES = 96 * 2**20  # what login holds besides
_TURN_SECONDS = 10.0

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=_HASH_BYTES // 2**10, parallelism=1, type=Type.ID)
_ARGON2 = "$argon2"
# Hashes of other systems. Taken for plain text, a stolen table would be a list of valid passwords.
_FOREIGN = re.compile(
    r"""
    \$[^$]{1,32}\$.+  # crypt(3) and phpass: $2b$, $1$, $6$, $P$
    | \{[A-Za-z0-9.-]{2,32}\}.+  # RFC 2307, and Spring: {SSHA}, {bcrypt}
    | [a-z0-9_:-]{3,40}\$.*\$.*  # Django and Werkzeug: pbkdf2_sha256$, scrypt:32768:8:1$
    | \*[0-9A-Fa-f]{40}  # MySQL's PASSWORD()
    | (?:0x)?(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})
      (?:[:$].*)?  # MD5, SHA-1 and SHA-2 in digits, maybe with salt
    | [A-Za-z0-9+/]{22}== | [A-Za-z0-9+/]{27}= | [A-Za-z0-9+/]{43}= | [A-Za-z0-9+/]{86}==  # and in Base64
    """,
    re.VERBOSE | re.DOTALL,
)

Result = TypeVar("Result")


@cache
def _hashing() -> ThreadPoolExecutor:
    """Return as many threads for hashing as there are cores, if they fit into memory.

    More would not be faster. They are separate, because each thread that ever hashes may keep the memory for it.
    """
    fitting = (cgroups.memory() - _OTHER_BYTES) // _HASH_BYTES
    return ThreadPoolExecutor(max(1, min(cgroups.cpus(), fitting)), thread_name_prefix="hashing")


def hashed(password: str) -> str:
    """Return what to store for a password. Raises Failure(BUSY)."""
    return _in_turn(lambda: _HASHER.hash(password))


def matches(stored: str | None, password: str) -> bool:
    """Tell whether a password is the stored one; no password matches None, which stands for an unknown user.

    The time is that of one hash, so it reveals neither who has an account nor how the password is stored. Raises
    Failure(BUSY) if too many are checked at once.
    """
    return _in_turn(lambda: _matches(stored, password))


def _matches(stored: str | None, password: str) -> bool:
    if stored and password and stored.startswith(_ARGON2):
        try:
            return _HASHER.verify(stored, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError, UnicodeEncodeError):  # damaged; it is no password either
            stored = None
    _spend_the_time(password)
    if not stored or not password or is_foreign(stored):
        return False
    return hmac.compare_digest(stored.encode(), password.encode())


def is_foreign(stored: str) -> bool:
    """Tell whether this is a hash of another system, which no password matches."""
    return not stored.startswith(_ARGON2) and _FOREIGN.fullmatch(stored) is not None


def is_outdated(stored: str) -> bool:
    """Tell whether a password that matches should be stored anew: it is plain text, or a weaker hash."""
    return not stored.startswith(_ARGON2) or _HASHER.check_needs_rehash(stored)


def _in_turn(work: Callable[[], Result]) -> Result:
    future = _hashing().submit(work)
    try:
        return future.result(_TURN_SECONDS)
    except TimeoutError:
        future.cancel()
        raise Failure(BUSY, {"Retry-After": "1"}) from None


def _spend_the_time(password: str) -> None:
    try:
        _HASHER.verify(_unknown_user_hash(), password)
    except VerifyMismatchError:
        return


@cache
def _unknown_user_hash() -> str:
    return _HASHER.hash("the password of no user")

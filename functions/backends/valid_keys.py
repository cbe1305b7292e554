"""Valid API keys, in MySQL, as the functions that take keys see them: whose each is."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from functools import cache
from typing import Any

from functions.backends import maybe_mysql
from functions.common import config, keys
from functions.common.bearer import Bearer
from functions.common.errors import INVALID_TOKEN, KEYS_NOT_TAKEN, Failure
from functions.common.settings import KeyMemory

_FIND = "SELECT user_id, email FROM valid_key WHERE hash = %s"
_REMEMBERED_MOST = 1000


class ValidKeys:
    """The keys that are valid; those that were found are remembered for so many seconds.

    That is the longest that a revoked key, or one of a disabled user, still works.
    """

    def __init__(self, connections: Any, remembered_seconds: float) -> None:
        self._connections = connections
        self._remembered_seconds = remembered_seconds
        self._known: OrderedDict[bytes, tuple[float, Bearer]] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, key: str) -> Bearer:
        """Return whose a key is. Raises Failure: INVALID_TOKEN, UNAVAILABLE."""
        if not keys.is_one(key):  # without asking the database
            raise Failure(INVALID_TOKEN)
        hashed, now = keys.hashed(key), time.monotonic()
        with self._lock:
            until, bearer = self._known.get(hashed, (0.0, None))
        if bearer is not None and now < until:
            return bearer
        found: Bearer | None = self._connections.run(lambda cursor: _found(cursor, hashed), again=True)
        if found is None:
            raise Failure(INVALID_TOKEN)
        with self._lock:
            self._known[hashed] = now + self._remembered_seconds, found
            self._known.move_to_end(hashed)
            while len(self._known) > _REMEMBERED_MOST:
                self._known.popitem(last=False)
        return found


def _found(cursor: Any, hashed: bytes) -> Bearer | None:
    cursor.execute(_FIND, (hashed,))
    row = cursor.fetchone()
    return Bearer(str(row[0]), row[1].strip()) if row else None


def verify(key: str) -> Bearer:
    """Return whose a key is. Raises Failure: INVALID_TOKEN, KEYS_NOT_TAKEN where there is no database, UNAVAILABLE."""
    connected = connect()
    if connected is None:
        raise Failure(KEYS_NOT_TAKEN)
    return connected.verify(key)


@cache
def connect() -> ValidKeys | None:
    """Return the valid keys of the database in the settings, or None if there is none."""
    connections = maybe_mysql.connect()
    return ValidKeys(connections, config.load(KeyMemory).seconds) if connections else None

"""Shares: how many transfers a user may have at once, so that one user cannot take all threads of a process."""

from __future__ import annotations

import threading
from collections import Counter

from functions.common.errors import TOO_MANY_TRANSFERS, Failure

_RETRY_AFTER_SECONDS = 5
_PART = 4


class Shares:
    """The transfers of a process by user, each of which holds a thread."""

    def __init__(self, threads: int) -> None:
        """Give each user a quarter of the threads."""
        self._most = max(1, threads // _PART)
        self.waits = threading.Semaphore(self._most)  # of all users: what waits for a conversion holds a thread too
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, user: str) -> None:
        """Count one more transfer of a user. Raises Failure(TOO_MANY_TRANSFERS)."""
        with self._lock:
            if self._running[user] >= self._most:
                raise Failure(TOO_MANY_TRANSFERS, {"Retry-After": str(_RETRY_AFTER_SECONDS)})
            self._running[user] += 1

    def give_back(self, user: str) -> None:
        """Count one less."""
        with self._lock:
            self._running[user] -= 1
            if not self._running[user]:
                del self._running[user]

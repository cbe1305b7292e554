"""Patience: a user whose receiver takes long for nothing waits a while, so that nobody holds all threads that way."""

from __future__ import annotations

import time

_LONG_SECONDS = 2.0
_PAUSE_SECONDS = 60.0


class Patience:
    """The users of this process whose webhooks are not tried at the moment."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def is_lost(self, user: str) -> bool:
        """Tell whether this user has to wait."""
        return self._until.get(user, 0.0) > time.monotonic()

    def spend(self, user: str, seconds: float) -> None:
        """Count a webhook that was not accepted in this time."""
        now = time.monotonic()
        if seconds >= _LONG_SECONDS:
            waiting = {other: until for other, until in self._until.items() if until > now}
            self._until = {**waiting, user: now + _PAUSE_SECONDS}

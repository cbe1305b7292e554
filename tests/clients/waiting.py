"""Wait for a condition, never longer than a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TypeVar

Found = TypeVar("Found")
PAUSE_SECONDS = 0.05
MAX_PAUSE_SECONDS = 0.25
PAUSE_SHARE = 0.05  # of the time waited so far: long waits must not keep the system busy


def until(look: Callable[[], Found | None], what: str, seconds: float = 30.0) -> Found:
    """Return the first true value of `look`; fail with what was awaited when time is up."""
    began = time.monotonic()
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() - began < seconds, f"waited {seconds:g} s for {what}; last seen: {found!r}"
        _pause(began)


def until_gone(look: Callable[[], Collection[object]], what: str, seconds: float = 30.0) -> None:
    """Return when `look` finds nothing; fail with what is left when time is up."""
    began = time.monotonic()
    while found := look():
        assert time.monotonic() - began < seconds, f"waited {seconds:g} s for {what} to go; left: {found!r}"
        _pause(began)


def stays(look: Callable[[], bool], what: str, seconds: float) -> None:
    """Fail as soon as `look` is false within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert look(), what
        time.sleep(PAUSE_SECONDS)


def _pause(began: float) -> None:
    time.sleep(min(MAX_PAUSE_SECONDS, max(PAUSE_SECONDS, PAUSE_SHARE * (time.monotonic() - began))))

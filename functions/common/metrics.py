"""Metrics: what the functions count, for Prometheus.

What is counted while a request is answered is noted, and goes to the counters when the answer is out: Prometheus'
client would be a fifteenth of a cold start, and no answer needs it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

DONE, FAILED, AGAIN, LOST = "done", "failed", "again", "lost"  # how a conversion ends
READ, WRITTEN = "read", "written"
PUBLISHED, NOT_PUBLISHED = "published", "failed"

_NOTED_MOST = 1000  # a pass over many jobs must not hold as many notes

_noted: deque[tuple[str, tuple[Any, ...]]] = deque()
_settling = Lock()


class Standing(NamedTuple):
    """How something stands, by one label."""

    name: str
    meaning: str
    label: str
    values: Mapping[str, float]


def settle() -> None:
    """Hand what was noted to the counters; called when an answer is out, and before the counters are read."""
    from functions.common import counters

    with _settling:
        while _noted:
            name, values = _noted.popleft()
            getattr(counters, name)(*values)


def render() -> tuple[bytes, str]:
    """Return all metrics and their media type."""
    from functions.common import counters

    settle()
    return counters.render()


def begin(function: str) -> None:
    """Tell zeros of what a function will count: a counter that appears with its first event hides that event."""
    _note("begin", function)


def answered(function: str, method: str, status: int, seconds: float) -> None:
    """Count a request and its answer."""
    _note("answered", function, method, status, seconds)


def took(transition: str) -> None:
    """Count that a job went through a row of the table."""
    _note("took", transition)


def converted(outcome: str, seconds: float) -> None:
    """Count a conversion by how it ended."""
    _note("converted", outcome, seconds)


def made(audio_seconds: float) -> None:
    """Count the sound of a new MP3."""
    _note("made", audio_seconds)


def gave_up(code: str) -> None:
    """Count a conversion that failed for good, by a code of functions.common.errors."""
    _note("gave_up", code)


def moved(bucket: str, direction: str, length: int) -> None:
    """Count bytes that were read from a bucket or written to it."""
    _note("moved", bucket, direction, length)


def published(outcome: str, number: int) -> None:
    """Count events by whether the broker took them."""
    _note("published", outcome, number)


def mailed(seconds: float) -> None:
    """Count a mail that the relay took, by how long its reader waited for it."""
    _note("mailed", seconds)


def swept(done: Mapping[str, int]) -> None:
    """Count what a pass of sweep could not do."""
    _note("swept", dict(done))


def tell(*standings: Standing) -> None:
    """Tell how things stand, until it is told again or is old."""
    _note("tell", standings, time.monotonic())


def _note(name: str, *values: Any) -> None:
    _noted.append((name, values))
    if len(_noted) >= _NOTED_MOST:
        settle()

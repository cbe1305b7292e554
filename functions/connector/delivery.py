"""What becomes of a message: RabbitmqSource's table of statuses and its backoff."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import requests

from functions.connector import calls

log = logging.getLogger(__name__)

# What sdk-go's HTTP protocol tries again; no other status, not even 500.
RETRIED = frozenset({404, 413, 425, 429, 502, 503, 504})


class Verdict(Enum):
    """How a delivery is settled."""

    DONE = "acknowledged"
    DEAD = "dead letter"
    AGAIN = "back to the queue"


@dataclass(frozen=True)
class Backoff:
    """How often and after which waits a call is made again."""

    retry: int
    delay: float
    policy: str

    def wait(self, number: int) -> float:
        """Return the seconds before the retry of that number, the first being 1."""
        return self.delay * (2**number if self.policy == "exponential" else number)


def deliver(
    request: requests.PreparedRequest,
    backoff: Backoff,
    timeout: float | None,
    pause: Callable[[float], bool],
    about: dict[str, str],
) -> Verdict:
    """Call until an answer settles the message.

    `pause` waits and tells whether the message is still ours to deliver. `about` goes into every log line.
    """
    attempt = 0
    while True:
        attempt += 1
        began = time.monotonic()
        outcome = _call(request, timeout)
        fields = about | {"outcome": outcome, "attempt": attempt, "seconds": round(time.monotonic() - began, 3)}
        if isinstance(outcome, int) and 200 <= outcome < 300:
            log.info("delivered", extra=fields)
            return Verdict.DONE
        if isinstance(outcome, int) and outcome not in RETRIED:
            log.error("refused: the message is a dead letter", extra=fields)
            return Verdict.DEAD
        if attempt > backoff.retry:
            log.error("not delivered: the message is a dead letter", extra=fields)
            return Verdict.DEAD
        wait = backoff.wait(attempt)
        log.warning("not delivered: trying again", extra=fields | {"wait": wait})
        if not pause(wait):
            return Verdict.AGAIN


def _call(request: requests.PreparedRequest, timeout: float | None) -> int | str:
    try:
        return calls.post(request, timeout)
    except requests.RequestException as error:
        return type(error).__name__

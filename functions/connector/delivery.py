"""Delivery of a message, with RabbitmqSource's status codes and backoff."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import requests

from functions.connector.calls import Caller

log = logging.getLogger(__name__)

# The statuses that sdk-go's HTTP protocol retries; 500 is not among them.
RETRIED = frozenset({404, 413, 425, 429, 502, 503, 504})


class Verdict(Enum):
    """How a delivery is settled."""

    DONE = "acknowledged"
    DEAD = "dead letter"
    AGAIN = "back to the queue"


@dataclass(frozen=True)
class Backoff:
    """How often a call is retried, and the waits between."""

    retry: int
    delay: float
    policy: str

    def wait(self, number: int) -> float:
        """Return the seconds to wait before a retry; the first is number 1."""
        return self.delay * (2**number if self.policy == "exponential" else number)


def deliver(
    request: requests.PreparedRequest,
    backoff: Backoff,
    caller: Caller,
    pause: Callable[[float], bool],
    about: dict[str, str],
) -> Verdict:
    """Call until a response or the last retry settles the message.

    `pause` waits, and returns False if the delivery was cancelled. `about` goes into every log line.
    """
    attempt = 0
    while True:
        attempt += 1
        began = time.monotonic()
        outcome = _call(caller, request)
        fields = about | {"outcome": outcome, "attempt": attempt, "seconds": round(time.monotonic() - began, 3)}
        if isinstance(outcome, int) and 200 <= outcome < 300:
            log.info("delivered", extra=fields)
            return Verdict.DONE
        if isinstance(outcome, int) and outcome not in RETRIED:
            log.error("rejected: the message is dead-lettered", extra=fields)
            return Verdict.DEAD
        if attempt > backoff.retry:
            log.error("not delivered: the message is dead-lettered", extra=fields)
            return Verdict.DEAD
        wait = backoff.wait(attempt)
        log.warning("not delivered: retrying", extra=fields | {"wait": wait})
        if not pause(wait):
            return Verdict.AGAIN


def _call(caller: Caller, request: requests.PreparedRequest) -> int | str:
    try:
        return caller.post(request)
    except requests.RequestException as error:
        return type(error).__name__

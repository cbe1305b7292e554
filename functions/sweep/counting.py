"""Counting: count each user's jobs anew once a day, and forget old keys (functions/README.md, Quotas)."""

from __future__ import annotations

import logging
import time

from functions.backends import mongodb
from functions.backends.idempotency_keys import Keys
from functions.backends.usage import Usage
from functions.common.errors import Failure

_log = logging.getLogger(__name__)

_MOST_USERS = 1000  # of one pass


def run(usage: Usage, keys: Keys, seconds: float) -> int:
    """Count the users that are due, for at most so many seconds; return how many. The next pass goes on."""
    end = time.monotonic() + seconds
    counted = 0
    try:
        with mongodb.within(seconds):
            keys.forget()
            for user in usage.due(_MOST_USERS):
                if time.monotonic() >= end:
                    break
                usage.count_due(user)
                counted += 1
    except Failure as failure:
        _log.warning("usage not counted", extra={"cause": repr(failure.__cause__)})
    return counted

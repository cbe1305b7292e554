"""Closing: delete the jobs of accounts that were closed, then the accounts."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from threading import Event

from functions.backends import mongodb
from functions.backends.closing import Closing
from functions.backends.feeds import Feeds
from functions.common import metrics
from functions.common.errors import Failure
from functions.common.transitions import DELETE, DELETING
from functions.sweep.sweeper import Sweeper

_log = logging.getLogger(__name__)

_SECONDS = 5.0  # of a pass
_USERS_AT_ONCE = 100
_JOBS_AT_ONCE = 500


def run(sweeper: Sweeper, accounts: Closing | None, feeds: Feeds, stopping: Event) -> None:
    """Go on with every closed account; a pass that cannot read them goes on without.

    Its feed ends, and its jobs are deleted like any others, their files by the same repairs. A token that was valid
    when the account was closed may still bring new ones, so the user goes once no token can be valid.
    """
    if accounts is None:
        return
    end = time.monotonic() + _SECONDS
    try:
        sweeper.counts["forget_waiting"] += accounts.forget_waiting()
        sweeper.counts["forget_keys"] += accounts.forget_keys()
        for user in _users(accounts):
            if stopping.is_set() or time.monotonic() > end:
                return
            _close(sweeper, accounts, feeds, user)
    except Failure as failure:
        sweeper.counts[metrics.REPAIRS_FAILED] += 1
        cause = repr(failure.__cause__ or failure)
        _log.warning("repair failed", extra={"repair": "close_accounts", "cause": cause})


def _users(accounts: Closing) -> Iterator[int]:
    last = 0
    while page := accounts.users(last, _USERS_AT_ONCE):
        yield from page
        last = page[-1]


def _close(sweeper: Sweeper, accounts: Closing, feeds: Feeds, user: int) -> None:
    with mongodb.within(sweeper.job_seconds):
        sweeper.counts["end_feed"] += feeds.end(str(user))
        owned = list(sweeper.jobs.owned(str(user), _JOBS_AT_ONCE))
    for job in owned:
        if job["state"] == DELETING:
            continue
        with sweeper.isolate(job):
            sweeper.apply(DELETE, job)
    if not owned and accounts.remove(user):
        sweeper.counts["remove_user"] += 1
        _log.info("account removed", extra={"user": str(user)})

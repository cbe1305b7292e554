"""Gauges: how many jobs, mails and webhooks wait, and the age of the oldest; counted once per pass, not per scrape.

Done jobs whose mail was sent, and whose webhook was sent or not wanted, are not counted: that would read all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from functions.backends import mongodb
from functions.backends.jobs import Jobs, Waiting
from functions.common import metrics, transitions
from functions.common.errors import Failure
from functions.common.values import Document

_log = logging.getLogger(__name__)

_ENDED = (transitions.DONE, transitions.FAILED)
_STATES = (transitions.RECEIVING, transitions.READY, transitions.CONVERTING, transitions.ABORTED, transitions.DELETING)
_MAILS = (transitions.NONE, transitions.CLAIMED, transitions.HANDING_OVER, transitions.UNKNOWN, transitions.MAIL_FAILED)
_WEBHOOKS = (transitions.NONE, transitions.CLAIMED, transitions.WEBHOOK_FAILED)


def update(jobs: Jobs, timeout: float) -> None:
    """Count what waits and set the metrics; a pass that cannot count it goes on without."""
    try:
        with mongodb.within(timeout):
            found = {state: jobs.waiting(_in_state(state), metrics.MAX_COUNTED) for state in _STATES}
            mails = {state: _of_ended(jobs, "mail.state", state) for state in _MAILS}
            webhooks = {state: _of_ended(jobs, "webhook.state", state) for state in _WEBHOOKS}
    except Failure as failure:
        _log.warning("gauges not updated", extra={"cause": repr(failure.__cause__)})
        return
    metrics.set_gauges(
        {
            metrics.JOBS: _numbers(found.items()),
            metrics.OLDEST_JOB: _ages(found.items()),
            metrics.MAILS: _numbers(mails.items()),
            metrics.OLDEST_MAIL: _ages(mails.items()),
            metrics.WEBHOOKS: _numbers(webhooks.items()),
            metrics.OLDEST_WEBHOOK: _ages(webhooks.items()),
        }
    )


def _in_state(state: str) -> Document:
    # Before a job ends, no mail of it has begun. With that, an index knows the oldest, and the others are not read.
    return {"state": state} if state == transitions.DELETING else {"state": state, "mail.state": transitions.NONE}


def _of_ended(jobs: Jobs, field: str, state: str) -> Waiting:
    # Not every server uses an index for a query of several values.
    found = [jobs.waiting({"state": ended, field: state}, metrics.MAX_COUNTED) for ended in _ENDED]
    return Waiting(min(sum(each.number for each in found), metrics.MAX_COUNTED), max(each.oldest for each in found))


def _numbers(found: Iterable[tuple[str, Waiting]]) -> dict[str, float]:
    return {state: waiting.number for state, waiting in found}


def _ages(found: Iterable[tuple[str, Waiting]]) -> dict[str, float]:
    return {state: waiting.oldest for state, waiting in found}

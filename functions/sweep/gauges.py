"""Gauges: how many jobs and mails wait, and the age of the oldest; counted once per pass, not per scrape.

Done jobs whose mail was sent are not counted: that would read all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from functions.backends import mongodb
from functions.backends.jobs import Jobs, Waiting
from functions.common import metrics, transitions
from functions.common.errors import Failure

_log = logging.getLogger(__name__)

_ENDED = (transitions.DONE, transitions.FAILED)
_STATES = (transitions.RECEIVING, transitions.READY, transitions.CONVERTING, transitions.ABORTED, transitions.DELETING)
_MAILS = (transitions.NONE, transitions.CLAIMED, transitions.HANDING_OVER, transitions.UNKNOWN, transitions.MAIL_FAILED)


def update(jobs: Jobs, timeout: float) -> None:
    """Count waiting jobs and mails and set the metrics; a pass that cannot count them goes on without."""
    try:
        with mongodb.within(timeout):
            _set(
                {state: jobs.waiting({"state": state}, metrics.MAX_COUNTED) for state in _STATES},
                {
                    mail: jobs.waiting({"state": {"$in": _ENDED}, "mail.state": mail}, metrics.MAX_COUNTED)
                    for mail in _MAILS
                },
            )
    except Failure as failure:
        _log.warning("gauges not updated", extra={"cause": repr(failure.__cause__)})


def _set(found: Mapping[str, Waiting], mails: Mapping[str, Waiting]) -> None:
    metrics.set_gauges(
        {
            metrics.JOBS: _numbers(found.items()),
            metrics.OLDEST_JOB: _ages(found.items()),
            metrics.MAILS: _numbers(mails.items()),
            metrics.OLDEST_MAIL: _ages(mails.items()),
        }
    )


def _numbers(found: Iterable[tuple[str, Waiting]]) -> dict[str, float]:
    return {state: waiting.number for state, waiting in found}


def _ages(found: Iterable[tuple[str, Waiting]]) -> dict[str, float]:
    return {state: waiting.oldest for state, waiting in found}

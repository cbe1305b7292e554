"""Census: how many jobs and mails wait, and for how long; once a pass, however often the metrics are read.

What has ended well is not counted: it would take a walk through all of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from functions.backends import mongodb
from functions.backends.jobs import Jobs, Waiting
from functions.common import metrics, transitions
from functions.common.errors import Failure

_log = logging.getLogger(__name__)

MOST = 10_000  # counted of each kind, at the most
_ENDED = (transitions.DONE, transitions.FAILED)
_STATES = (transitions.RECEIVING, transitions.READY, transitions.CONVERTING, transitions.ABORTED, transitions.DELETING)
_MAILS = (transitions.NONE, transitions.CLAIMED, transitions.HANDING_OVER, transitions.UNKNOWN, transitions.MAIL_FAILED)


def take(jobs: Jobs, patience: float) -> None:
    """Count what waits, and tell it as metrics; a pass is no worse without it."""
    try:
        with mongodb.within(patience):
            _tell(
                {state: jobs.waiting({"state": state}, MOST) for state in _STATES},
                {mail: jobs.waiting({"state": {"$in": _ENDED}, "mail.state": mail}, MOST) for mail in _MAILS},
            )
    except Failure as failure:
        _log.warning("no census", extra={"cause": repr(failure.__cause__)})


def _tell(found: Mapping[str, Waiting], mails: Mapping[str, Waiting]) -> None:
    metrics.tell(
        metrics.Standing("jobs", f"Jobs by state, up to {MOST}; none that ended.", "state", _numbers(found.items())),
        metrics.Standing(
            "oldest_job_seconds", "Time since the upload of the oldest job began.", "state", _ages(found.items())
        ),
        metrics.Standing(
            "mails", f"Mails of ended jobs by state, up to {MOST}; none sent.", "state", _numbers(mails.items())
        ),
        metrics.Standing(
            "oldest_mail_seconds",
            "Time since the upload of the oldest mail's job began.",
            "state",
            _ages(mails.items()),
        ),
    )


def _numbers(found: Iterable[tuple[str, Waiting]]) -> dict[str, Any]:
    return {state: waiting.number for state, waiting in found}


def _ages(found: Iterable[tuple[str, Waiting]]) -> dict[str, Any]:
    return {state: waiting.oldest for state, waiting in found}

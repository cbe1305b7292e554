"""Posting: send the webhook of an ended job, at least once (functions/README.md, The steps)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import NamedTuple

from functions.backends.jobs import Jobs
from functions.common import transitions
from functions.common.errors import Failure
from functions.common.transitions import CLAIM_WEBHOOK, DECLINE_WEBHOOK, POSTPONE_WEBHOOK, REFUSE_WEBHOOK, WEBHOOK_SENT
from functions.common.values import Document
from functions.common.webhooks import AddressOf

_log = logging.getLogger(__name__)

_ACCEPTED = range(200, 300)
_GONE = 410  # the receiver wants no more of them (Standard Webhooks 1.0)

FORBIDDEN = "forbidden"
UNANSWERED = "unanswered"


class Outcome(NamedTuple):
    """What came of sending a webhook: the status of an answer, FORBIDDEN or UNANSWERED; and why, for the log."""

    answer: int | str
    cause: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the receiver has the webhook."""
        return self.answer in _ACCEPTED


Send = Callable[[Document, str], Outcome]


def run(job_id: str, *, jobs: Jobs, address: AddressOf, send: Send, token: str, stopping: Event) -> None:
    """Send the webhook of an ended job that waits to its address, if it has one; do nothing if it cannot be claimed.

    The address is asked for each time, so what its owner has said last counts.
    The outcome is always written to the job. Raises Failure(UNAVAILABLE) only if that fails: the webhook is sent again
    then, with the same id.
    """
    if stopping.is_set():  # sweep announces the job again
        return
    job = _waiting(job_id, jobs)
    if job is None:
        return
    attempt = _attempt(job, address, send)
    if attempt is None:
        jobs.apply(DECLINE_WEBHOOK, job_id, epoch=job["epoch"], due=job["webhook"].get("due"))
        return
    job = jobs.apply(CLAIM_WEBHOOK, job_id, epoch=job["epoch"], token=token)
    if job is None:
        return
    outcome = attempt(job)
    ended = _end(job, outcome, jobs, token)
    if ended is not None:
        more = {"webhook": ended["webhook"]["state"], "answer": outcome.answer, "cause": outcome.cause}
        _log.info("webhook ended", extra={"job": job_id} | more)


def _waiting(job_id: str, jobs: Jobs) -> Document | None:
    job = jobs.find(job_id)
    if job is None or job["state"] not in (transitions.DONE, transitions.FAILED):
        return None
    if job.get("webhook", {}).get("state") != transitions.NONE:
        return None
    return job


def _attempt(job: Document, address: AddressOf, send: Send) -> Callable[[Document], Outcome] | None:
    """Return what sends the webhook once it is claimed; None if there shall be none."""
    try:
        url = address(job)
    except Failure as failure:  # MySQL cannot be reached: this counts as an attempt, so that retries end
        away = Outcome(UNANSWERED, f"the account could not be read: {failure.__cause__!r}")
        return lambda _job: away
    return None if url is None else lambda claimed: send(claimed, url)


def _end(job: Document, outcome: Outcome, jobs: Jobs, token: str) -> Document | None:
    attempts = job["webhook"]["attempts"]
    given = {"token": token, "answer": outcome.answer}
    if outcome.accepted:
        return jobs.apply(WEBHOOK_SENT, job["_id"], **given)
    if outcome.answer in (_GONE, FORBIDDEN) or attempts >= jobs.periods.webhook_attempts:
        return jobs.apply(REFUSE_WEBHOOK, job["_id"], **given)
    retry_at = jobs.after(jobs.periods.mail_backoff(attempts))
    return jobs.apply(POSTPONE_WEBHOOK, job["_id"], **given, retry_at=retry_at)

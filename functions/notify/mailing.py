"""Mailing: send the mail about an ended job, and never twice (functions/README.md, The steps)."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from email.message import EmailMessage
from threading import Event

from functions.backends.jobs import Jobs
from functions.backends.mail import Mailer, Postponed, Refused, Unanswered
from functions.common import metrics, transitions
from functions.common.errors import Failure
from functions.common.transitions import (
    CLAIM_MAIL,
    DECLINE_MAIL,
    HAND_BACK_MAIL,
    HAND_OVER,
    MAIL_SENT,
    MAIL_UNKNOWN,
    POSTPONE_MAIL,
    REFUSE_MAIL,
)
from functions.common.values import Document

_log = logging.getLogger(__name__)

Compose = Callable[[Document], EmailMessage]
Wanted = Callable[[str], bool]


def new_token() -> str:
    """Return a token for one claim of a mail."""
    return uuid.uuid4().hex


def run(
    job_id: str, *, jobs: Jobs, mailer: Mailer, compose: Compose, wanted: Wanted, token: str, stopping: Event
) -> None:
    """Send the mail of an ended job if its owner wants mails; do nothing if it cannot be claimed.

    The outcome is always written to the job. Raises Failure(UNAVAILABLE) only if that fails.
    """
    job = _claim(job_id, jobs, token)
    if job is None:
        return
    if stopping.is_set():
        jobs.apply(HAND_BACK_MAIL, job_id, token=token)
        return
    try:
        if not _is_wanted(job, wanted):
            jobs.apply(DECLINE_MAIL, job_id, token=token)
            _log.info("mail not wanted", extra={"job": job_id})
            return
        message = compose(job)
        with mailer.session(job["email"]) as session:
            if jobs.apply(HAND_OVER, job_id, token=token, message_id=message["Message-ID"]) is None:
                _log.warning("lost the claim", extra={"job": job_id})
                return
            session.hand_over(message)
        # A late answer also changes `unknown` to `sent`.
        ended = jobs.apply(MAIL_SENT, job_id, token=token)
    except Refused as error:
        _log.warning("mail refused", extra={"job": job_id, "cause": repr(error)})
        ended = jobs.apply(REFUSE_MAIL, job_id, token=token)
    except Unanswered as error:
        _log.warning("mail unanswered", extra={"job": job_id, "cause": repr(error.__cause__)})
        ended = jobs.apply(MAIL_UNKNOWN, job_id, token=token)
    except Postponed as error:
        _log.warning("mail postponed", extra={"job": job_id, "cause": repr(error.__cause__ or error)})
        ended = _postpone(job, jobs, token)
    except ValueError as error:  # an address or a name that cannot be encoded in a mail
        _log.error("mail cannot be encoded", extra={"job": job_id, "cause": repr(error)})
        ended = jobs.apply(REFUSE_MAIL, job_id, token=token)
    if ended is not None:
        _log.info("mail ended", extra={"job": job_id, "mail": ended["mail"]["state"]})
        # A later run was requested long after the upload, so its time says nothing.
        if ended["mail"]["state"] == transitions.SENT and ended["mail"]["run"] == 1:
            metrics.observe(metrics.TIME_TO_MAIL, (ended["updated_at"] - ended["created_at"]).total_seconds())


def _is_wanted(job: Document, wanted: Wanted) -> bool:
    try:
        return wanted(job["owner"])
    except Failure as failure:  # the database is away; the mail can wait as long as for a relay
        raise Postponed from failure


def _claim(job_id: str, jobs: Jobs, token: str) -> Document | None:
    job = jobs.find(job_id)
    if job is None or job["state"] not in (transitions.DONE, transitions.FAILED):
        return None
    if job["mail"]["state"] != transitions.NONE:
        return None
    return jobs.apply(CLAIM_MAIL, job_id, run=job["mail"]["run"], token=token)


def _postpone(job: Document, jobs: Jobs, token: str) -> Document | None:
    attempts = job["mail"]["attempts"]
    if attempts >= jobs.periods.mail_attempts:
        return jobs.apply(REFUSE_MAIL, job["_id"], token=token)
    retry_at = jobs.after(jobs.periods.mail_backoff(attempts))
    return jobs.apply(POSTPONE_MAIL, job["_id"], token=token, retry_at=retry_at)

"""Jobs in every state, created by real transitions on a database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pika
from pymongo.database import Database

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.backends.usage import Usage
from functions.common import ids, transitions
from functions.common.config import load
from functions.common.settings import Broker, Periods
from functions.common.values import Document
from functions.sweep.sweeper import Sweeper
from functions.sweep.sweeping import run

PERIODS = (
    load(Periods, {})
    .replace(
        video_keep_days=1,
        mp3_keep_days=2,
        job_keep_days=5,
        max_attempts=2,
        mail_keep_trying=0.001,
        download_timeout=600.0,
    )
    .replace(webhook_keep_trying=0.001)
)
WEBHOOK = "https://example.org/hook"
ACCOUNT = "account"  # in place of a webhook's address: where its owner's account says


class Clock:
    """The database's clock, set by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **length: float) -> None:
        """Advance the clock."""
        self.now += timedelta(**length)


def sweeper(database: Database[dict[str, Any]], rabbitmq: str, clock: Callable[[], datetime]) -> Sweeper:
    """Return a sweeper."""
    jobs = Jobs(database["jobs"], clock, PERIODS)
    jobs.prepare()
    return Sweeper(jobs, Files(database), queue(rabbitmq), Usage(database["usage"], jobs))


def queue(rabbitmq: str) -> Queue:
    """Return the queue at a URL."""
    return Queue(Broker(rabbitmq, 5.0))


def sweep_once(sweeper: Sweeper) -> dict[str, int]:
    """Run one pass; return its counts."""
    sweeper.counts.clear()
    return run(sweeper, Event())


def received(sweeper: Sweeper) -> str:
    """Return a job whose video is being uploaded."""
    job_id = ids.new()
    sweeper.jobs.receive(job_id, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
    store(sweeper, VIDEOS, job_id)
    return job_id


def ready(sweeper: Sweeper, webhook: str | None = None) -> str:
    """Return a job that waits for its conversion."""
    job_id = received(sweeper)
    take(sweeper, transitions.ACCEPT, job_id, epoch=0, size=5, sha256="x", options={}, webhook=new_webhook(webhook))
    return job_id


def new_webhook(url: str | None) -> Document | None:
    """Return a webhook as upload stores it; where its owner's account says with ACCOUNT, none without a URL."""
    where = {} if url == ACCOUNT else {"url": url}
    return {"state": "none", "attempts": 0} | where if url else None


def converting(sweeper: Sweeper, webhook: str | None = None) -> str:
    """Return a job that is being converted, with its MP3 already stored."""
    job_id = ready(sweeper, webhook)
    take(sweeper, transitions.CLAIM, job_id, epoch=0, holder="h")
    store(sweeper, MP3S, f"{job_id}.1")
    return job_id


def done(sweeper: Sweeper) -> str:
    """Return a job that is done and whose mail was sent."""
    job_id = handing_over(sweeper)
    take(sweeper, transitions.MAIL_SENT, job_id, token="t")
    return job_id


def finished(sweeper: Sweeper, webhook: str | None = None) -> str:
    """Return a job that is done, before its mail is claimed."""
    job_id = converting(sweeper, webhook)
    mp3 = {"file_id": f"{job_id}.1", "length": 5, "sha256": hashlib.sha256(b"bytes").hexdigest(), "duration": 1.0}
    take(sweeper, transitions.FINISH, job_id, epoch=1, mp3=mp3, webhook=webhook)
    return job_id


def asking(sweeper: Sweeper) -> str:
    """Return a job that is done, and whose webhook waits."""
    return finished(sweeper, WEBHOOK)


def posting(sweeper: Sweeper) -> str:
    """Return a job that is done, and whose webhook was claimed."""
    job_id = asking(sweeper)
    take(sweeper, transitions.CLAIM_WEBHOOK, job_id, epoch=1, token="t")
    return job_id


def claimed(sweeper: Sweeper) -> str:
    """Return a job that is done and whose mail was claimed."""
    job_id = finished(sweeper)
    take(sweeper, transitions.CLAIM_MAIL, job_id, run=1, token="t")
    return job_id


def handing_over(sweeper: Sweeper) -> str:
    """Return a job that is done and whose mail waits for the relay's final reply."""
    job_id = claimed(sweeper)
    take(sweeper, transitions.HAND_OVER, job_id, token="t", message_id="<m>")
    return job_id


def deleted(sweeper: Sweeper) -> str:
    """Return a done job that its owner deleted, with all files still stored."""
    job_id = done(sweeper)
    take(sweeper, transitions.DELETE, job_id, epoch=1)
    return job_id


def failed(sweeper: Sweeper) -> str:
    """Return a job that failed, with its MP3 already stored."""
    job_id = converting(sweeper)
    take(sweeper, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"})
    return job_id


def aborted(sweeper: Sweeper) -> str:
    """Return a job whose upload was aborted."""
    job_id = received(sweeper)
    take(sweeper, transitions.ABORT, job_id, epoch=0)
    return job_id


POSTED = {
    "none": [],
    "claimed": [transitions.CLAIM_WEBHOOK],
    "sent": [transitions.CLAIM_WEBHOOK, transitions.WEBHOOK_SENT],
    "failed": [transitions.CLAIM_WEBHOOK, transitions.REFUSE_WEBHOOK],
    "declined": [transitions.DECLINE_WEBHOOK],
}


def posted(sweeper: Sweeper, job_id: str, webhook: str) -> str:
    """Bring the webhook of a job that has just ended to a state; return the job."""
    for row in POSTED[webhook]:
        due = (sweeper.jobs.find(job_id) or {})["webhook"].get("due")
        take(sweeper, row, job_id, epoch=1, token="t", answer=200, due=due)
    return job_id


MAILED = {
    "none": [],
    "claimed": [transitions.CLAIM_MAIL],
    "handing_over": [transitions.CLAIM_MAIL, transitions.HAND_OVER],
    "sent": [transitions.CLAIM_MAIL, transitions.HAND_OVER, transitions.MAIL_SENT],
    "unknown": [transitions.CLAIM_MAIL, transitions.HAND_OVER, transitions.MAIL_UNKNOWN],
    "failed": [transitions.CLAIM_MAIL, transitions.REFUSE_MAIL],
}


def mailed(sweeper: Sweeper, job_id: str, mail: str) -> str:
    """Bring the mail of a job that has just ended to a state; return the job."""
    for row in MAILED[mail]:
        take(sweeper, row, job_id, run=1, token="t", message_id="<m>")
    return job_id


IN_STATE: dict[str, Callable[[Sweeper], str]] = {
    "receiving": received,
    "ready": ready,
    "converting": converting,
    "done": done,
    "failed": failed,
    "aborted": aborted,
}


def take(sweeper: Sweeper, row: transitions.Transition, job_id: str, **given: Any) -> None:
    """Apply a transition that must succeed."""
    assert sweeper.jobs.apply(row, job_id, **given)


def store(sweeper: Sweeper, bucket: str, file_id: str) -> None:
    """Store a small file."""
    writer = sweeper.files.write(bucket, file_id)
    writer.write(b"bytes")
    writer.finish()


def events(rabbitmq: str, queue: str) -> int:
    """Return the number of events in a queue."""
    with pika.BlockingConnection(pika.URLParameters(rabbitmq)) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)


def empty(rabbitmq: str) -> None:
    """Delete all events."""
    with pika.BlockingConnection(pika.URLParameters(rabbitmq)) as connection:
        for name in ("videos", "mp3s"):
            connection.channel().queue_purge(name)


def state(sweeper: Sweeper, job_id: str) -> str:
    """Return the state of a job that must exist."""
    job = sweeper.jobs.find(job_id)
    assert job is not None
    return str(job["state"])

"""Sweep on a real database and broker: what time takes, and what crashes left."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import pymongo
import pytest
from pymongo.database import Database

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.common import ids, transitions
from functions.common.config import load
from functions.common.settings import Broker, Periods
from functions.sweep.sweeping import Broom, run

PERIODS = dataclasses.replace(
    load(Periods, {}), video_keep_days=1, mp3_keep_days=2, job_keep_days=5, max_attempts=2, download_timeout=600.0
)


class Time:
    """The database's clock, turned by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **length: float) -> None:
        """Let time pass."""
        self.now += timedelta(**length)


@pytest.fixture
def database(mongodb: str) -> Iterator[Database[dict[str, Any]]]:
    with pymongo.MongoClient[dict[str, Any]](mongodb, tz_aware=True) as client:
        database = client[f"sweep-{uuid.uuid4().hex[:8]}"]
        yield database
        client.drop_database(database.name)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def broom(database: Database[dict[str, Any]], vhost: str, time: Time) -> Broom:
    jobs = Jobs(database["jobs"], time, PERIODS)
    jobs.prepare()
    return Broom(jobs, Files(database), Queue(Broker(vhost, 5.0)))


def swept(broom: Broom) -> dict[str, int]:
    broom.done.clear()
    return run(broom)


def received(broom: Broom) -> str:
    job_id = ids.new()
    broom.jobs.receive(job_id, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
    store(broom, VIDEOS, job_id)
    return job_id


def ready(broom: Broom) -> str:
    job_id = received(broom)
    assert broom.jobs.apply(transitions.ACCEPT, job_id, epoch=0, size=5, sha256="x", options={})
    return job_id


def done(broom: Broom) -> str:
    job_id = ready(broom)
    assert broom.jobs.apply(transitions.CLAIM, job_id, epoch=0, holder="h")
    store(broom, MP3S, f"{job_id}.1")
    mp3 = {"file_id": f"{job_id}.1", "length": 5, "sha256": "x", "duration": 1.0}
    assert broom.jobs.apply(transitions.FINISH, job_id, epoch=1, mp3=mp3)
    assert broom.jobs.apply(transitions.CLAIM_MAIL, job_id, run=1, token="t")
    assert broom.jobs.apply(transitions.HAND_OVER, job_id, token="t", message_id="<m>")
    assert broom.jobs.apply(transitions.MAIL_SENT, job_id, token="t")
    return job_id


def store(broom: Broom, bucket: str, file_id: str) -> None:
    writer = broom.files.write(bucket, file_id)
    writer.write(b"bytes")
    writer.finish()


def events(vhost: str, queue: str) -> int:
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)


def state(broom: Broom, job_id: str) -> str:
    job = broom.jobs.find(job_id)
    assert job is not None
    return str(job["state"])


def test_a_fresh_system_needs_nothing(broom: Broom) -> None:
    """Jobs that are well are left alone."""
    received(broom), ready(broom), done(broom)
    assert swept(broom) == {}


def test_a_dead_upload_goes_without_a_trace(broom: Broom, time: Time, database: Database[dict[str, Any]]) -> None:
    """Its lease ends, its chunks go at once, its document when no zombie can write any more."""
    job_id = received(broom)
    database["videos.files"].delete_one({"_id": job_id})  # it died before the end: chunks alone
    time.passes(seconds=PERIODS.upload_lease)
    assert swept(broom) == {"abandon": 1, "clean_again": 1}
    assert database["videos.chunks"].count_documents({"files_id": job_id}) == 0
    assert state(broom, job_id) == transitions.ABORTED
    database["videos.chunks"].insert_one({"files_id": job_id, "n": 7, "data": b"a zombie's"})
    time.passes(seconds=PERIODS.longest_step)
    assert swept(broom) == {"forget": 1}
    assert database["videos.chunks"].count_documents({"files_id": job_id}) == 0
    assert broom.jobs.find(job_id) is None


def test_a_dead_conversion_is_done_again_and_given_up_in_the_end(broom: Broom, time: Time, vhost: str) -> None:
    """A silent converter loses its job to another one, as often as is allowed."""
    job_id = ready(broom)
    for epoch in (0, 2):
        assert broom.jobs.apply(transitions.CLAIM, job_id, epoch=epoch, holder="h")
        store(broom, MP3S, f"{job_id}.{epoch + 1}")
        time.passes(seconds=PERIODS.convert_lease)
        swept(broom)
    assert state(broom, job_id) == transitions.FAILED
    assert events(vhost, "videos") == 1
    assert events(vhost, "mp3s") == 1
    time.passes(seconds=PERIODS.announce_gap)
    swept(broom)
    assert broom.files.read(MP3S, f"{job_id}.1") is None
    assert broom.files.read(MP3S, f"{job_id}.3") is None
    assert broom.files.read(VIDEOS, job_id) is not None


def test_a_lost_event_is_sent_again_ever_more_seldom(broom: Broom, time: Time, vhost: str) -> None:
    """The gap doubles, up to a limit; two sweepers at once send one event."""
    ready(broom)
    sent = []
    for number in range(1, 6):
        time.passes(seconds=PERIODS.announce_gap)
        swept(broom), swept(broom)
        sent.append(events(vhost, "videos"))
        assert sent[-1] <= number
    assert sent == [1, 1, 2, 2, 2]


def test_nothing_is_lost_while_the_broker_is_away(broom: Broom, time: Time, vhost: str) -> None:
    """What could not be sent is sent a gap later."""
    away = dataclasses.replace(broom, queue=Queue(Broker("amqp://a:b@127.0.0.1:1/x", 1.0)))
    ready(broom)
    time.passes(seconds=PERIODS.announce_gap)
    assert swept(away) == {"announce_ready": 1}
    time.passes(seconds=PERIODS.announce_gap * 2)
    assert swept(broom) == {"announce_ready": 1}
    assert events(vhost, "videos") == 1


def test_mails_of_silent_notifiers(broom: Broom, time: Time) -> None:
    """Claimed: freed for another one. Handed over without an answer: unknown, never sent again by itself."""
    job_id = done(broom)
    assert broom.jobs.apply(transitions.MAIL_AGAIN, job_id, run=1)
    assert broom.jobs.apply(transitions.CLAIM_MAIL, job_id, run=2, token="u")
    time.passes(seconds=PERIODS.mail_lease)
    assert swept(broom)["expire_mail"] == 1
    assert broom.jobs.apply(transitions.CLAIM_MAIL, job_id, run=2, token="v")
    assert broom.jobs.apply(transitions.HAND_OVER, job_id, token="v", message_id="<m>")
    time.passes(seconds=PERIODS.mail_unknown)
    assert swept(broom)["lose_mail"] == 1
    assert broom.jobs.apply(transitions.MAIL_SENT, job_id, token="v"), "a late answer still counts"


def test_retention(broom: Broom, time: Time) -> None:
    """The video goes first, then the MP3 when no download can still run, then the document."""
    job_id = done(broom)
    time.passes(days=PERIODS.video_keep_days)
    swept(broom)
    assert broom.files.read(VIDEOS, job_id) is None
    assert broom.files.read(MP3S, f"{job_id}.1") is not None
    time.passes(days=1)
    swept(broom)
    job = broom.jobs.find(job_id)
    assert job is not None
    assert job["mp3"]["expired_at"], "a download answers 410 from now on"
    assert broom.files.read(MP3S, f"{job_id}.1") is not None, "and one that runs goes on"
    time.passes(seconds=PERIODS.download_timeout)
    swept(broom)
    assert broom.files.read(MP3S, f"{job_id}.1") is None
    time.passes(days=4)
    swept(broom)
    assert broom.jobs.find(job_id) is None
    for _ in range(3):
        time.passes(seconds=PERIODS.longest_step)
        done_last = swept(broom)
    assert done_last == {}


def test_a_job_that_waits_is_kept(broom: Broom, time: Time) -> None:
    """Retention never takes a video that is still to be converted."""
    job_id = ready(broom)
    time.passes(days=400)
    swept(broom)
    assert state(broom, job_id) == transitions.READY
    assert broom.files.read(VIDEOS, job_id) is not None


def test_one_pass_is_bounded(broom: Broom, time: Time) -> None:
    """The rest is for the next pass."""
    for _ in range(5):
        ready(broom)
    time.passes(seconds=PERIODS.announce_gap)
    few = dataclasses.replace(broom, most=2)
    assert [swept(few).get("announce_ready") for _ in range(4)] == [2, 2, 1, None]

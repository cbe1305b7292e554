"""Sweep on a real database and broker: what time takes, and what crashes left."""

from __future__ import annotations

import dataclasses
from typing import Any

from pymongo.database import Database

from functions.backends.files import MP3S, VIDEOS
from functions.backends.queue import Queue
from functions.common import transitions
from functions.common.settings import Broker
from functions.sweep.sweeper import Sweeper
from tests.integration.lives import PERIODS, Clock, done, events, ready, received, state, store, swept


def test_a_fresh_system_needs_nothing(sweeper: Sweeper) -> None:
    """Jobs that are well are left alone."""
    received(sweeper), ready(sweeper), done(sweeper)
    assert swept(sweeper) == {}


def test_a_dead_upload_goes_without_a_trace(sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]]) -> None:
    """Its lease ends, its chunks go at once, its document when no zombie can write any more."""
    job_id = received(sweeper)
    database["videos.files"].delete_one({"_id": job_id})  # it died before the end: chunks alone
    clock.passes(seconds=PERIODS.upload_lease)
    assert swept(sweeper) == {"abandon": 1, "clean_again": 1}
    assert database["videos.chunks"].count_documents({"files_id": job_id}) == 0
    assert state(sweeper, job_id) == transitions.ABORTED
    database["videos.chunks"].insert_one({"files_id": job_id, "n": 7, "data": b"a zombie's"})
    clock.passes(seconds=PERIODS.longest_step)
    assert swept(sweeper) == {"forget": 1}
    assert database["videos.chunks"].count_documents({"files_id": job_id}) == 0
    assert sweeper.jobs.find(job_id) is None


def test_a_dead_conversion_is_done_again_and_given_up_in_the_end(sweeper: Sweeper, clock: Clock, queues: str) -> None:
    """A silent converter loses its job to another one, as often as is allowed."""
    job_id = ready(sweeper)
    for epoch in (0, 2):
        assert sweeper.jobs.apply(transitions.CLAIM, job_id, epoch=epoch, holder="h")
        store(sweeper, MP3S, f"{job_id}.{epoch + 1}")
        clock.passes(seconds=PERIODS.convert_lease)
        swept(sweeper)
    assert state(sweeper, job_id) == transitions.FAILED
    assert events(queues, "videos") == 1
    assert events(queues, "mp3s") == 1
    clock.passes(seconds=PERIODS.announce_gap)
    swept(sweeper)
    assert sweeper.files.read(MP3S, f"{job_id}.1") is None
    assert sweeper.files.read(MP3S, f"{job_id}.3") is None
    assert sweeper.files.read(VIDEOS, job_id) is not None


def test_a_lost_event_is_sent_again_ever_more_seldom(sweeper: Sweeper, clock: Clock, queues: str) -> None:
    """The gap doubles, up to a limit; two sweepers at once send one event."""
    ready(sweeper)
    sent = []
    for number in range(1, 6):
        clock.passes(seconds=PERIODS.announce_gap)
        swept(sweeper), swept(sweeper)
        sent.append(events(queues, "videos"))
        assert sent[-1] <= number
    assert sent == [1, 1, 2, 2, 2]


def test_nothing_is_lost_while_the_broker_is_away(sweeper: Sweeper, clock: Clock, queues: str) -> None:
    """One job finds out that it is away; the others go out as soon as it is back, that one a gap later."""
    away = dataclasses.replace(sweeper, queue=Queue(Broker("amqp://a:b@127.0.0.1:1/x", 1.0)))
    for _ in range(5):
        ready(sweeper)
    clock.passes(seconds=PERIODS.announce_gap)
    assert swept(away) == {"announce_ready": 1, "repairs_failed": 1}
    assert swept(sweeper) == {"announce_ready": 4}
    assert swept(sweeper) == {}
    clock.passes(seconds=PERIODS.announce_gap * 2)
    swept(sweeper)
    assert events(queues, "videos") == 4 + 5


def test_mails_of_silent_notifiers(sweeper: Sweeper, clock: Clock) -> None:
    """Claimed: freed for another one. Handed over without an answer: unknown, never sent again by itself."""
    job_id = done(sweeper)
    assert sweeper.jobs.apply(transitions.MAIL_AGAIN, job_id, run=1)
    assert sweeper.jobs.apply(transitions.CLAIM_MAIL, job_id, run=2, token="u")
    clock.passes(seconds=PERIODS.mail_lease)
    assert swept(sweeper)["expire_mail"] == 1
    assert sweeper.jobs.apply(transitions.CLAIM_MAIL, job_id, run=2, token="v")
    assert sweeper.jobs.apply(transitions.HAND_OVER, job_id, token="v", message_id="<m>")
    clock.passes(seconds=PERIODS.mail_unknown)
    assert swept(sweeper)["lose_mail"] == 1
    assert sweeper.jobs.apply(transitions.MAIL_SENT, job_id, token="v"), "a late answer still counts"


def test_retention(sweeper: Sweeper, clock: Clock) -> None:
    """The video goes first, then the MP3 when no download can still run, then the document."""
    job_id = done(sweeper)
    clock.passes(days=PERIODS.video_keep_days)
    swept(sweeper)
    assert sweeper.files.read(VIDEOS, job_id) is None
    assert sweeper.files.read(MP3S, f"{job_id}.1") is not None
    clock.passes(days=1)
    swept(sweeper)
    job = sweeper.jobs.find(job_id)
    assert job is not None
    assert job["mp3"]["expired_at"], "a download answers 410 from now on"
    assert sweeper.files.read(MP3S, f"{job_id}.1") is not None, "and one that runs goes on"
    clock.passes(seconds=PERIODS.download_timeout)
    swept(sweeper)
    assert sweeper.files.read(MP3S, f"{job_id}.1") is None
    clock.passes(days=4)
    swept(sweeper)
    assert sweeper.jobs.find(job_id) is None
    for _ in range(3):
        clock.passes(seconds=PERIODS.longest_step)
        done_last = swept(sweeper)
    assert done_last == {}


def test_a_job_that_waits_is_kept(sweeper: Sweeper, clock: Clock) -> None:
    """Retention never takes a video that is still to be converted."""
    job_id = ready(sweeper)
    clock.passes(days=400)
    swept(sweeper)
    assert state(sweeper, job_id) == transitions.READY
    assert sweeper.files.read(VIDEOS, job_id) is not None


def test_one_pass_is_bounded(sweeper: Sweeper, clock: Clock) -> None:
    """The rest is for the next pass."""
    for _ in range(5):
        ready(sweeper)
    clock.passes(seconds=PERIODS.announce_gap)
    few = dataclasses.replace(sweeper, max_jobs=2)
    assert [swept(few).get("announce_ready") for _ in range(4)] == [2, 2, 1, None]

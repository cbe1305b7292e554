"""Sweep on a real database and broker: retention, and repairs after crashes."""

from __future__ import annotations

import dataclasses
from typing import Any

from pymongo.database import Database

from functions.backends.files import MP3S, VIDEOS
from functions.backends.queue import Queue
from functions.common import transitions
from functions.common.settings import Broker
from functions.sweep.sweeper import Sweeper
from tests.integration.states import PERIODS, Clock, done, events, ready, received, state, store, sweep_once


def test_new_jobs_are_left_alone(sweeper: Sweeper) -> None:
    """Jobs in order are left alone."""
    received(sweeper), ready(sweeper), done(sweeper)
    assert sweep_once(sweeper) == {}


def test_an_interrupted_upload_is_removed(sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]]) -> None:
    """Its lease expires, its chunks are deleted at once, and its document once no process can still be writing."""
    job_id = received(sweeper)
    database["videos.files"].delete_one({"_id": job_id})  # it was interrupted: only chunks are left
    clock.advance(seconds=PERIODS.upload_lease)
    assert sweep_once(sweeper) == {"abandon": 1, "clean_again": 1}
    assert database["videos.chunks"].count_documents({"files_id": job_id}) == 0
    assert state(sweeper, job_id) == transitions.ABORTED
    database["videos.chunks"].insert_one({"files_id": job_id, "n": 7, "data": b"a zombie's"})
    clock.advance(seconds=PERIODS.longest_step)
    assert sweep_once(sweeper) == {"forget": 1}
    assert database["videos.chunks"].count_documents({"files_id": job_id}) == 0
    assert sweeper.jobs.find(job_id) is None


def test_an_interrupted_conversion_is_repeated_then_given_up(sweeper: Sweeper, clock: Clock, queues: str) -> None:
    """A silent converter loses its job to another one, up to the allowed number of attempts."""
    job_id = ready(sweeper)
    for epoch in (0, 2):
        assert sweeper.jobs.apply(transitions.CLAIM, job_id, epoch=epoch, holder="h")
        store(sweeper, MP3S, f"{job_id}.{epoch + 1}")
        clock.advance(seconds=PERIODS.convert_lease)
        sweep_once(sweeper)
    assert state(sweeper, job_id) == transitions.FAILED
    assert events(queues, "videos") == 1
    assert events(queues, "mp3s") == 1
    clock.advance(seconds=PERIODS.announce_gap)
    sweep_once(sweeper)
    assert sweeper.files.read(MP3S, f"{job_id}.1") is None
    assert sweeper.files.read(MP3S, f"{job_id}.3") is None
    assert sweeper.files.read(VIDEOS, job_id) is not None


def test_a_lost_event_is_sent_again_with_growing_gaps(sweeper: Sweeper, clock: Clock, queues: str) -> None:
    """The gap doubles, up to a limit; two parallel sweepers send one event."""
    ready(sweeper)
    sent = []
    for number in range(1, 6):
        clock.advance(seconds=PERIODS.announce_gap)
        sweep_once(sweeper), sweep_once(sweeper)
        sent.append(events(queues, "videos"))
        assert sent[-1] <= number
    assert sent == [1, 1, 2, 2, 2]


def test_nothing_is_lost_while_the_broker_is_unavailable(sweeper: Sweeper, clock: Clock, queues: str) -> None:
    """One job's event fails; the others are sent once the broker is back, and that one a gap later."""
    away = dataclasses.replace(sweeper, queue=Queue(Broker("amqp://a:b@127.0.0.1:1/x", 1.0)))
    for _ in range(5):
        ready(sweeper)
    clock.advance(seconds=PERIODS.announce_gap)
    assert sweep_once(away) == {"announce_ready": 1, "repairs_failed": 1}
    assert sweep_once(sweeper) == {"announce_ready": 4}
    assert sweep_once(sweeper) == {}
    clock.advance(seconds=PERIODS.announce_gap * 2)
    sweep_once(sweeper)
    assert events(queues, "videos") == 4 + 5


def test_mails_of_silent_notifiers(sweeper: Sweeper, clock: Clock) -> None:
    """Claimed: released for another notifier. Handed over without a reply: unknown, never sent again automatically."""
    job_id = done(sweeper)
    assert sweeper.jobs.apply(transitions.MAIL_AGAIN, job_id, run=1)
    assert sweeper.jobs.apply(transitions.CLAIM_MAIL, job_id, run=2, token="u")
    clock.advance(seconds=PERIODS.mail_lease)
    assert sweep_once(sweeper)["expire_mail"] == 1
    assert sweeper.jobs.apply(transitions.CLAIM_MAIL, job_id, run=2, token="v")
    assert sweeper.jobs.apply(transitions.HAND_OVER, job_id, token="v", message_id="<m>")
    clock.advance(seconds=PERIODS.mail_unknown)
    assert sweep_once(sweeper)["lose_mail"] == 1
    assert sweeper.jobs.apply(transitions.MAIL_SENT, job_id, token="v"), "a late answer still counts"


def test_retention(sweeper: Sweeper, clock: Clock) -> None:
    """The video is deleted first, then the MP3 once no download can be running, then the document."""
    job_id = done(sweeper)
    clock.advance(days=PERIODS.video_keep_days)
    sweep_once(sweeper)
    assert sweeper.files.read(VIDEOS, job_id) is None
    assert sweeper.files.read(MP3S, f"{job_id}.1") is not None
    clock.advance(days=1)
    sweep_once(sweeper)
    job = sweeper.jobs.find(job_id)
    assert job is not None
    assert job["mp3"]["expired_at"], "new downloads must be answered with 410"
    assert sweeper.files.read(MP3S, f"{job_id}.1") is not None, "a running download must continue"
    clock.advance(seconds=PERIODS.download_timeout)
    sweep_once(sweeper)
    assert sweeper.files.read(MP3S, f"{job_id}.1") is None
    clock.advance(days=4)
    sweep_once(sweeper)
    assert sweeper.jobs.find(job_id) is None
    for _ in range(3):
        clock.advance(seconds=PERIODS.longest_step)
        done_last = sweep_once(sweeper)
    assert done_last == {}


def test_a_waiting_job_is_kept(sweeper: Sweeper, clock: Clock) -> None:
    """Retention never deletes a video that is still to be converted."""
    job_id = ready(sweeper)
    clock.advance(days=400)
    sweep_once(sweeper)
    assert state(sweeper, job_id) == transitions.READY
    assert sweeper.files.read(VIDEOS, job_id) is not None


def test_a_pass_is_bounded(sweeper: Sweeper, clock: Clock) -> None:
    """The next pass does the rest."""
    for _ in range(5):
        ready(sweeper)
    clock.advance(seconds=PERIODS.announce_gap)
    few = dataclasses.replace(sweeper, max_jobs=2)
    assert [sweep_once(few).get("announce_ready") for _ in range(4)] == [2, 2, 1, None]

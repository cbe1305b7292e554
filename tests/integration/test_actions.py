"""Retrying and deleting on a real database: from every state, by whoever may, and all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
import pytest

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.common import errors, ids, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.jobs import actions
from functions.sweep.sweeper import Sweeper
from tests.integration import lives
from tests.integration.lives import PERIODS, Clock

OWNER = "1"
AWAY = "amqp://a:b@127.0.0.1:1/x"


def failed(sweeper: Sweeper) -> str:
    """Return a job that failed."""
    job_id = lives.converting(sweeper)
    lives.take(sweeper, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"})
    return job_id


def aborted(sweeper: Sweeper) -> str:
    """Return a job whose upload ended before its time."""
    job_id = lives.received(sweeper)
    lives.take(sweeper, transitions.ABORT, job_id, epoch=0)
    return job_id


MAKE: dict[str, Callable[[Sweeper], str]] = {
    "receiving": lives.received,
    "ready": lives.ready,
    "converting": lives.converting,
    "done": lives.done,
    "failed": failed,
    "aborted": aborted,
}


def retry(sweeper: Sweeper, job_id: str, owner: str | None = OWNER) -> actions.Queued:
    return actions.retry(job_id, owner=owner, jobs=sweeper.jobs, queue=sweeper.queue)


def delete(sweeper: Sweeper, job_id: str, owner: str | None = OWNER) -> None:
    actions.delete(job_id, owner=owner, jobs=sweeper.jobs, files=sweeper.files)


def document(sweeper: Sweeper, job_id: str) -> Document:
    """Return a job's document, even one that is being deleted."""
    found = sweeper.jobs._collection.find_one({"_id": job_id})
    assert found is not None
    return found


def stored(sweeper: Sweeper, job_id: str) -> int:
    """Count a job's files."""
    names = [(VIDEOS, job_id), *((MP3S, f"{job_id}.{epoch}") for epoch in (1, 2, 3))]
    return sum(sweeper.files.read(bucket, file_id) is not None for bucket, file_id in names)


def refusal(act: Callable[..., object], *arguments: Any) -> errors.Kind:
    """Return why an action was refused."""
    with pytest.raises(Failure) as failure:
        act(*arguments)
    return failure.value.kind


@pytest.mark.parametrize("state", MAKE)
def test_delete_from_every_state(state: str, sweeper: Sweeper, clock: Clock) -> None:
    """The files go at once, nothing brings the job back, and what is written later goes with its document."""
    job_id = MAKE[state](sweeper)
    epoch = document(sweeper, job_id)["epoch"]
    assert stored(sweeper, job_id) >= 1
    delete(sweeper, job_id)
    assert document(sweeper, job_id)["state"] == "deleting"
    assert stored(sweeper, job_id) == 0
    assert refusal(delete, sweeper, job_id) is errors.NOT_FOUND
    assert refusal(retry, sweeper, job_id) is errors.NOT_FOUND
    lives.store(sweeper, VIDEOS, job_id)
    lives.store(sweeper, MP3S, f"{job_id}.1")
    late = {"epoch": epoch, "size": 5, "sha256": "x", "options": {}, "mp3": {}, "error": {}, "holder": "h"}
    for row in (transitions.ACCEPT, transitions.CLAIM, transitions.FINISH, transitions.FAIL, transitions.ABORT):
        assert sweeper.jobs.apply(row, job_id, **late) is None, row.name
    for _ in range(3):
        clock.passes(seconds=PERIODS.longest_step)
        lives.swept(sweeper)
    assert sweeper.jobs._collection.find_one({"_id": job_id}) is None
    assert stored(sweeper, job_id) == 0


@pytest.fixture
def files_away() -> Iterator[Files]:
    """Files on a server that is not there."""
    with pymongo.MongoClient[dict[str, Any]]("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=200) as client:
        yield Files(client["nowhere"])


def test_files_that_cannot_be_deleted_now_are_left_to_sweep(sweeper: Sweeper, files_away: Files, clock: Clock) -> None:
    """The job is deleted all the same, and its tombstone says that files may be left."""
    job_id = lives.done(sweeper)
    actions.delete(job_id, owner=OWNER, jobs=sweeper.jobs, files=files_away)
    assert (document(sweeper, job_id)["state"], stored(sweeper, job_id)) == ("deleting", 2)
    clock.passes(seconds=PERIODS.announce_gap)
    lives.swept(sweeper)
    assert stored(sweeper, job_id) == 0


@pytest.mark.parametrize("state", ["receiving", "converting", "done", "aborted"])
def test_there_is_nothing_to_retry(state: str, sweeper: Sweeper, queues: str) -> None:
    """Only what failed is converted again; the refusal names the state."""
    job_id = MAKE[state](sweeper)
    before = document(sweeper, job_id)
    with pytest.raises(Failure) as failure:
        retry(sweeper, job_id)
    assert (failure.value.kind, failure.value.more) == (errors.NOT_FAILED, {"state": state})
    assert document(sweeper, job_id) == before
    assert lives.events(queues, "videos") == 0


def test_a_job_that_waits_is_announced_and_not_changed(sweeper: Sweeper, queues: str) -> None:
    """One event more does no harm."""
    job_id = lives.ready(sweeper)
    before = document(sweeper, job_id)
    assert retry(sweeper, job_id).announced
    assert (document(sweeper, job_id), lives.events(queues, "videos")) == (before, 1)


def test_a_failed_job_begins_anew(sweeper: Sweeper, queues: str, clock: Clock) -> None:
    """With all its attempts, a mail of its own, and nothing of what it failed for."""
    job_id = failed(sweeper)
    assert retry(sweeper, job_id).announced
    job = document(sweeper, job_id)
    assert (job["state"], job["epoch"], job["attempts"], job["mail"]["run"]) == ("ready", 2, 0, 2)
    assert job.keys().isdisjoint({"error", "expires", "cleanup", "retry_at"})
    assert lives.events(queues, "videos") == 1
    lives.take(sweeper, transitions.CLAIM, job_id, epoch=2, holder="h")
    lives.take(sweeper, transitions.FAIL, job_id, epoch=3, error={"code": "c", "title": "t"})
    clock.passes(seconds=PERIODS.announce_gap)
    lives.swept(sweeper)
    assert stored(sweeper, job_id) == 1, "what the first conversion left goes after the second"


def test_a_retry_that_cannot_be_announced(sweeper: Sweeper, queues: str, clock: Clock) -> None:
    """It is written down, so sweep announces it."""
    job_id = failed(sweeper)
    queued = actions.retry(job_id, owner=OWNER, jobs=sweeper.jobs, queue=lives.queue(AWAY))
    assert (queued.announced, document(sweeper, job_id)["state"]) == (False, "ready")
    clock.passes(seconds=PERIODS.announce_gap)
    assert lives.swept(sweeper)["announce_ready"] == 1
    assert lives.events(queues, "videos") == 1


def test_a_video_that_has_expired(sweeper: Sweeper, clock: Clock) -> None:
    """Without it there is nothing to convert; until it is marked, it is there."""
    first, second = failed(sweeper), failed(sweeper)
    clock.passes(days=PERIODS.video_keep_days)
    assert retry(sweeper, first).job["state"] == "ready"
    lives.swept(sweeper)
    assert refusal(retry, sweeper, second) is errors.VIDEO_EXPIRED
    assert lives.state(sweeper, second) == "failed"
    assert (stored(sweeper, first), stored(sweeper, second)) == (2, 0)


@pytest.mark.parametrize("state", MAKE)
def test_somebody_elses_job_is_as_unknown_as_any(state: str, sweeper: Sweeper) -> None:
    """Nothing happens to it, whatever its state; an operator may touch it."""
    job_id = MAKE[state](sweeper)
    before = document(sweeper, job_id)
    for act in (retry, delete):
        assert refusal(act, sweeper, job_id, "2") is errors.NOT_FOUND
        assert refusal(act, sweeper, ids.new()) is errors.NOT_FOUND
    assert document(sweeper, job_id) == before
    delete(sweeper, job_id, None)


def test_many_who_retry_at_once(sweeper: Sweeper) -> None:
    """One retries; the others find that it waits."""
    job_id = failed(sweeper)
    with ThreadPoolExecutor(8) as pool:
        queued = list(pool.map(lambda _: retry(sweeper, job_id), range(8)))
    assert {each.job["epoch"] for each in queued} == {2}
    assert document(sweeper, job_id)["mail"]["run"] == 2


class Restless(Jobs):
    """Jobs that somebody claims and gives back before each change of ours, so many times."""

    turns = 0

    def apply(self, row: transitions.Transition, job_id: str, **given: Any) -> Document | None:
        if row is transitions.DELETE and self.turns:
            self.turns -= 1
            assert super().apply(transitions.CLAIM, job_id, epoch=given["epoch"], holder="h")
            assert super().apply(transitions.HAND_BACK, job_id, epoch=given["epoch"] + 1)
        return super().apply(row, job_id, **given)


def test_a_job_that_changes_under_a_delete(sweeper: Sweeper, clock: Clock) -> None:
    """Each change costs another look; a job that never stands still is given up after a few, whole."""
    restless = Restless(sweeper.jobs._collection, clock, PERIODS)
    job_id, other = lives.ready(sweeper), lives.ready(sweeper)
    restless.turns = 3
    actions.delete(job_id, owner=OWNER, jobs=restless, files=sweeper.files)
    assert (document(sweeper, job_id)["state"], restless.turns) == ("deleting", 0)
    restless.turns = 1000
    with pytest.raises(Failure) as failure:
        actions.delete(other, owner=OWNER, jobs=restless, files=sweeper.files)
    assert failure.value.kind is errors.UNAVAILABLE
    assert (lives.state(sweeper, other), stored(sweeper, other)) == ("ready", 1)


@pytest.mark.parametrize(("end", "run"), [("failed", 2), ("sent", 1), ("unknown", 1), ("none", 1)])
def test_a_mail_that_was_given_up_is_sent_again(end: str, run: int, sweeper: Sweeper, queues: str) -> None:
    """One that was sent, or may have been, is not."""
    job_id = lives.done(sweeper)
    sweeper.jobs._collection.update_one({"_id": job_id}, {"$set": {"mail.state": end}})
    queued = actions.mail_again(job_id, owner=OWNER, jobs=sweeper.jobs, queue=sweeper.queue)
    assert (queued is not None) == (run == 2)
    assert document(sweeper, job_id)["mail"]["run"] == run
    assert lives.events(queues, "mp3s") == run - 1


def test_a_job_that_has_not_ended_has_no_mail(sweeper: Sweeper) -> None:
    """There is nothing to tell its owner yet."""
    assert actions.mail_again(lives.ready(sweeper), owner=OWNER, jobs=sweeper.jobs, queue=sweeper.queue) is None

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
from functions.sweep.broom import Broom
from tests.integration import lives
from tests.integration.lives import PERIODS, Clock

OWNER = "1"
AWAY = "amqp://a:b@127.0.0.1:1/x"


def failed(broom: Broom) -> str:
    """Return a job that failed."""
    job_id = lives.converting(broom)
    lives.take(broom, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"})
    return job_id


def aborted(broom: Broom) -> str:
    """Return a job whose upload ended before its time."""
    job_id = lives.received(broom)
    lives.take(broom, transitions.ABORT, job_id, epoch=0)
    return job_id


MAKE: dict[str, Callable[[Broom], str]] = {
    "receiving": lives.received,
    "ready": lives.ready,
    "converting": lives.converting,
    "done": lives.done,
    "failed": failed,
    "aborted": aborted,
}


def retry(broom: Broom, job_id: str, owner: str | None = OWNER) -> actions.Told:
    return actions.retry(job_id, owner=owner, jobs=broom.jobs, queue=broom.queue)


def delete(broom: Broom, job_id: str, owner: str | None = OWNER) -> None:
    actions.delete(job_id, owner=owner, jobs=broom.jobs, files=broom.files)


def document(broom: Broom, job_id: str) -> Document:
    """Return a job's document, even one that is being deleted."""
    found = broom.jobs._collection.find_one({"_id": job_id})
    assert found is not None
    return found


def stored(broom: Broom, job_id: str) -> int:
    """Count a job's files."""
    names = [(VIDEOS, job_id), *((MP3S, f"{job_id}.{epoch}") for epoch in (1, 2, 3))]
    return sum(broom.files.read(bucket, file_id) is not None for bucket, file_id in names)


def refusal(act: Callable[..., object], *arguments: Any) -> errors.Kind:
    """Return why an action was refused."""
    with pytest.raises(Failure) as failure:
        act(*arguments)
    return failure.value.kind


@pytest.mark.parametrize("state", MAKE)
def test_delete_from_every_state(state: str, broom: Broom, clock: Clock) -> None:
    """The files go at once, nothing brings the job back, and what is written later goes with its document."""
    job_id = MAKE[state](broom)
    epoch = document(broom, job_id)["epoch"]
    assert stored(broom, job_id) >= 1
    delete(broom, job_id)
    assert document(broom, job_id)["state"] == "deleting"
    assert stored(broom, job_id) == 0
    assert refusal(delete, broom, job_id) is errors.NOT_FOUND
    assert refusal(retry, broom, job_id) is errors.NOT_FOUND
    lives.store(broom, VIDEOS, job_id)
    lives.store(broom, MP3S, f"{job_id}.1")
    late = {"epoch": epoch, "size": 5, "sha256": "x", "options": {}, "mp3": {}, "error": {}, "holder": "h"}
    for row in (transitions.ACCEPT, transitions.CLAIM, transitions.FINISH, transitions.FAIL, transitions.ABORT):
        assert broom.jobs.apply(row, job_id, **late) is None, row.name
    for _ in range(3):
        clock.passes(seconds=PERIODS.longest_step)
        lives.swept(broom)
    assert broom.jobs._collection.find_one({"_id": job_id}) is None
    assert stored(broom, job_id) == 0


@pytest.fixture
def files_away() -> Iterator[Files]:
    """Files on a server that is not there."""
    with pymongo.MongoClient[dict[str, Any]]("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=200) as client:
        yield Files(client["nowhere"])


def test_files_that_cannot_be_deleted_now_are_left_to_sweep(broom: Broom, files_away: Files, clock: Clock) -> None:
    """The job is deleted all the same, and its tombstone says that files may be left."""
    job_id = lives.done(broom)
    actions.delete(job_id, owner=OWNER, jobs=broom.jobs, files=files_away)
    assert (document(broom, job_id)["state"], stored(broom, job_id)) == ("deleting", 2)
    clock.passes(seconds=PERIODS.announce_gap)
    lives.swept(broom)
    assert stored(broom, job_id) == 0


@pytest.mark.parametrize("state", ["receiving", "converting", "done", "aborted"])
def test_there_is_nothing_to_retry(state: str, broom: Broom, queues: str) -> None:
    """Only what failed is converted again; the refusal names the state."""
    job_id = MAKE[state](broom)
    before = document(broom, job_id)
    with pytest.raises(Failure) as failure:
        retry(broom, job_id)
    assert (failure.value.kind, failure.value.more) == (errors.NOT_FAILED, {"state": state})
    assert document(broom, job_id) == before
    assert lives.events(queues, "videos") == 0


def test_a_job_that_waits_is_announced_and_not_changed(broom: Broom, queues: str) -> None:
    """One event more does no harm."""
    job_id = lives.ready(broom)
    before = document(broom, job_id)
    assert retry(broom, job_id).announced
    assert (document(broom, job_id), lives.events(queues, "videos")) == (before, 1)


def test_a_failed_job_begins_anew(broom: Broom, queues: str, clock: Clock) -> None:
    """With all its attempts, a mail of its own, and nothing of what it failed for."""
    job_id = failed(broom)
    assert retry(broom, job_id).announced
    job = document(broom, job_id)
    assert (job["state"], job["epoch"], job["attempts"], job["mail"]["run"]) == ("ready", 2, 0, 2)
    assert job.keys().isdisjoint({"error", "expires", "cleanup", "retry_at"})
    assert lives.events(queues, "videos") == 1
    lives.take(broom, transitions.CLAIM, job_id, epoch=2, holder="h")
    lives.take(broom, transitions.FAIL, job_id, epoch=3, error={"code": "c", "title": "t"})
    clock.passes(seconds=PERIODS.announce_gap)
    lives.swept(broom)
    assert stored(broom, job_id) == 1, "what the first conversion left goes after the second"


def test_a_retry_that_cannot_be_announced(broom: Broom, queues: str, clock: Clock) -> None:
    """It is written down, so sweep announces it."""
    job_id = failed(broom)
    told = actions.retry(job_id, owner=OWNER, jobs=broom.jobs, queue=lives.queue(AWAY))
    assert (told.announced, document(broom, job_id)["state"]) == (False, "ready")
    clock.passes(seconds=PERIODS.announce_gap)
    assert lives.swept(broom)["announce_ready"] == 1
    assert lives.events(queues, "videos") == 1


def test_a_video_that_has_expired(broom: Broom, clock: Clock) -> None:
    """Without it there is nothing to convert; until it is marked, it is there."""
    first, second = failed(broom), failed(broom)
    clock.passes(days=PERIODS.video_keep_days)
    assert retry(broom, first).job["state"] == "ready"
    lives.swept(broom)
    assert refusal(retry, broom, second) is errors.VIDEO_EXPIRED
    assert lives.state(broom, second) == "failed"
    assert (stored(broom, first), stored(broom, second)) == (2, 0)


@pytest.mark.parametrize("state", MAKE)
def test_somebody_elses_job_is_as_unknown_as_any(state: str, broom: Broom) -> None:
    """Nothing happens to it, whatever its state; an operator may touch it."""
    job_id = MAKE[state](broom)
    before = document(broom, job_id)
    for act in (retry, delete):
        assert refusal(act, broom, job_id, "2") is errors.NOT_FOUND
        assert refusal(act, broom, ids.new()) is errors.NOT_FOUND
    assert document(broom, job_id) == before
    delete(broom, job_id, None)


def test_many_who_retry_at_once(broom: Broom) -> None:
    """One retries; the others find that it waits."""
    job_id = failed(broom)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: retry(broom, job_id), range(8)))
    assert {each.job["epoch"] for each in told} == {2}
    assert document(broom, job_id)["mail"]["run"] == 2


class Restless(Jobs):
    """Jobs that somebody claims and gives back before each change of ours, so many times."""

    turns = 0

    def apply(self, row: transitions.Transition, job_id: str, **given: Any) -> Document | None:
        if row is transitions.DELETE and self.turns:
            self.turns -= 1
            assert super().apply(transitions.CLAIM, job_id, epoch=given["epoch"], holder="h")
            assert super().apply(transitions.HAND_BACK, job_id, epoch=given["epoch"] + 1)
        return super().apply(row, job_id, **given)


def test_a_job_that_changes_under_a_delete(broom: Broom, clock: Clock) -> None:
    """Each change costs another look; a job that never stands still is given up after a few, whole."""
    restless = Restless(broom.jobs._collection, clock, PERIODS)
    job_id, other = lives.ready(broom), lives.ready(broom)
    restless.turns = 3
    actions.delete(job_id, owner=OWNER, jobs=restless, files=broom.files)
    assert (document(broom, job_id)["state"], restless.turns) == ("deleting", 0)
    restless.turns = 1000
    with pytest.raises(Failure) as failure:
        actions.delete(other, owner=OWNER, jobs=restless, files=broom.files)
    assert failure.value.kind is errors.UNAVAILABLE
    assert (lives.state(broom, other), stored(broom, other)) == ("ready", 1)


@pytest.mark.parametrize(("end", "run"), [("failed", 2), ("sent", 1), ("unknown", 1), ("none", 1)])
def test_a_mail_that_was_given_up_is_sent_again(end: str, run: int, broom: Broom, queues: str) -> None:
    """One that was sent, or may have been, is not."""
    job_id = lives.done(broom)
    broom.jobs._collection.update_one({"_id": job_id}, {"$set": {"mail.state": end}})
    told = actions.mail_again(job_id, owner=OWNER, jobs=broom.jobs, queue=broom.queue)
    assert (told is not None) == (run == 2)
    assert document(broom, job_id)["mail"]["run"] == run
    assert lives.events(queues, "mp3s") == run - 1


def test_a_job_that_has_not_ended_has_no_mail(broom: Broom) -> None:
    """There is nothing to tell its owner yet."""
    assert actions.mail_again(lives.ready(broom), owner=OWNER, jobs=broom.jobs, queue=broom.queue) is None

"""Retrying and deleting on a real database: from every state, and concurrently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
import pytest

from functions.backends.files import MP3S, VIDEOS, Files
from functions.common import errors, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.jobs import actions
from functions.sweep.sweeper import Sweeper
from tests.integration import states
from tests.integration.states import PERIODS, Clock

OWNER = "1"
UNREACHABLE = "amqp://a:b@127.0.0.1:1/x"


def retry(sweeper: Sweeper, job_id: str, owner: str | None = OWNER) -> actions.Queued:
    return actions.retry(job_id, owner=owner, jobs=sweeper.jobs, queue=sweeper.queue)


def delete(sweeper: Sweeper, job_id: str, owner: str | None = OWNER) -> None:
    actions.delete(job_id, owner=owner, jobs=sweeper.jobs, files=sweeper.files)


def document(sweeper: Sweeper, job_id: str) -> Document:
    """Return a job's document, even if it is being deleted."""
    found = sweeper.jobs._collection.find_one({"_id": job_id})
    assert found is not None
    return found


def stored(sweeper: Sweeper, job_id: str) -> int:
    """Return the number of a job's files."""
    names = [(VIDEOS, job_id), *((MP3S, f"{job_id}.{epoch}") for epoch in (1, 2, 3))]
    return sum(sweeper.files.read(bucket, file_id) is not None for bucket, file_id in names)


def refusal(act: Callable[..., object], *arguments: Any) -> errors.Kind:
    """Return why an action was refused."""
    with pytest.raises(Failure) as failure:
        act(*arguments)
    return failure.value.kind


@pytest.mark.parametrize("state", states.IN_STATE)
def test_delete_from_every_state(state: str, sweeper: Sweeper, clock: Clock) -> None:
    """The files are deleted at once, no transition brings the job back, and files written later are deleted too."""
    job_id = states.IN_STATE[state](sweeper)
    epoch = document(sweeper, job_id)["epoch"]
    assert stored(sweeper, job_id) >= 1
    delete(sweeper, job_id, None)
    assert document(sweeper, job_id)["state"] == "deleting"
    assert stored(sweeper, job_id) == 0
    assert refusal(delete, sweeper, job_id) is errors.NOT_FOUND
    assert refusal(retry, sweeper, job_id) is errors.NOT_FOUND
    states.store(sweeper, VIDEOS, job_id)
    states.store(sweeper, MP3S, f"{job_id}.1")
    late = {"epoch": epoch, "size": 5, "sha256": "x", "options": {}, "mp3": {}, "error": {}, "holder": "h"}
    for row in (transitions.ACCEPT, transitions.CLAIM, transitions.FINISH, transitions.FAIL, transitions.ABORT):
        assert sweeper.jobs.apply(row, job_id, **late) is None, row.name
    for _ in range(3):
        clock.advance(seconds=PERIODS.longest_step)
        states.sweep_once(sweeper)
    assert sweeper.jobs._collection.find_one({"_id": job_id}) is None
    assert stored(sweeper, job_id) == 0


@pytest.fixture
def unreachable_files() -> Iterator[Files]:
    """Files on a server that does not exist."""
    with pymongo.MongoClient[dict[str, Any]]("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=200) as client:
        yield Files(client["nowhere"])


def test_undeletable_files_are_left_to_sweep(sweeper: Sweeper, unreachable_files: Files, clock: Clock) -> None:
    """The job is deleted anyway, and its document says that files may be left."""
    job_id = states.done(sweeper)
    actions.delete(job_id, owner=OWNER, jobs=sweeper.jobs, files=unreachable_files)
    assert (document(sweeper, job_id)["state"], stored(sweeper, job_id)) == ("deleting", 2)
    clock.advance(seconds=PERIODS.announce_gap)
    states.sweep_once(sweeper)
    assert stored(sweeper, job_id) == 0


def test_a_retry_that_cannot_be_announced(sweeper: Sweeper, queues: str, clock: Clock) -> None:
    """The change is stored, so sweep announces it."""
    job_id = states.failed(sweeper)
    queued = actions.retry(job_id, owner=OWNER, jobs=sweeper.jobs, queue=states.queue(UNREACHABLE))
    assert (queued.announced, document(sweeper, job_id)["state"]) == (False, "ready")
    clock.advance(seconds=PERIODS.announce_gap)
    assert states.sweep_once(sweeper)["announce_ready"] == 1
    assert states.events(queues, "videos") == 1


def test_many_parallel_retries(sweeper: Sweeper) -> None:
    """One of them retries; the others find it waiting."""
    job_id = states.failed(sweeper)
    with ThreadPoolExecutor(8) as pool:
        queued = list(pool.map(lambda _: retry(sweeper, job_id), range(8)))
    assert {each.job["epoch"] for each in queued} == {2}
    assert document(sweeper, job_id)["mail"]["run"] == 2

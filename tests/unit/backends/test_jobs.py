"""Job documents: changes whose answer is lost, and which jobs are due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, NetworkTimeout, PyMongoError

from functions.backends.jobs import Jobs, Waiting
from functions.common import transitions
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.transitions import ABORT, ACCEPT, CLAIM, DELETE, EXPIRE
from functions.common.values import Document
from tests.exploration.memory import MemoryCollection
from tests.integration import states
from tests.integration.states import PERIODS, Clock
from tests.unit.in_memory import System, UnreliableCollection

FIELDS: dict[str, Any] = {"owner": "1", "email": "a@example.org", "filename": "a.mp4", "options": {}}


@pytest.fixture
def collection() -> UnreliableCollection:
    return UnreliableCollection()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(collection: UnreliableCollection, clock: Clock) -> Jobs:
    """Jobs with one upload, "a"."""
    documents: Any = collection
    made = Jobs(documents, clock, PERIODS)
    made.receive("a", **FIELDS)
    return made


def accept(jobs: Jobs) -> Document | None:
    return jobs.apply(ACCEPT, "a", epoch=0, size=5, sha256="x", options={})


def document(collection: UnreliableCollection) -> Document:
    return collection.documents["a"]


def test_a_new_job_has_a_lease(jobs: Jobs, collection: UnreliableCollection, clock: Clock) -> None:
    assert document(collection) == FIELDS | {
        "_id": "a",
        "state": "receiving",
        "epoch": 0,
        "attempts": 0,
        "progress": 0,
        "created_at": clock.now,
        "updated_at": clock.now,
        "lease": {"holder": "a", "until": clock.now + timedelta(seconds=PERIODS.upload_lease)},
        "mail": {"state": "none", "run": 1, "attempts": 0},
    }


def test_an_id_is_only_used_once(jobs: Jobs) -> None:
    with pytest.raises(Failure) as failure:
        jobs.receive("a", **FIELDS)
    assert failure.value.kind is UNAVAILABLE


@pytest.mark.parametrize("faults", [[], ["after"], ["before"], ["before", "after"]], ids=str)
def test_a_change_is_made_once(
    faults: list[str | Callable[[], None] | None], jobs: Jobs, collection: UnreliableCollection
) -> None:
    """After a lost answer the job is read; a change that was not made is repeated once."""
    collection.faults = faults
    tries = 1 + faults.count("before")
    assert accept(jobs) == document(collection)
    assert (document(collection)["state"], collection.changes) == ("ready", tries)


def test_a_change_that_fails_twice_is_unavailable(jobs: Jobs, collection: UnreliableCollection) -> None:
    collection.faults = ["before", "before"]
    with pytest.raises(Failure) as failure:
        accept(jobs)
    assert failure.value.kind is UNAVAILABLE
    assert isinstance(failure.value.__cause__, AutoReconnect)
    assert (document(collection)["state"], collection.changes) == ("receiving", 2)


def test_an_outcome_that_cannot_be_read_is_unknown(jobs: Jobs, collection: UnreliableCollection) -> None:
    """The change is not repeated then."""

    def go_blind() -> None:
        collection.blind = True

    collection.faults = [go_blind]
    with pytest.raises(Failure) as failure:
        accept(jobs)
    assert failure.value.kind is UNAVAILABLE
    assert (document(collection)["state"], collection.changes) == ("ready", 1)


def test_a_change_is_ours_although_another_followed(jobs: Jobs, collection: UnreliableCollection, clock: Clock) -> None:
    """Sweep may clean up between a change whose answer is lost and the look at what came of it."""

    def sweep() -> None:
        clock.advance(seconds=1)
        document(collection)["updated_at"] = clock.now

    collection.faults = [sweep]
    job = accept(jobs)
    assert job is not None
    assert (job["state"], collection.changes) == ("ready", 1)


def test_the_same_change_of_another_process_is_not_taken_for_ours(
    jobs: Jobs, collection: UnreliableCollection, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sweeps expire a lease: the request of one fails, and the job then has the expected state."""
    accept(jobs)
    assert jobs.apply(CLAIM, "a", epoch=0, holder="h")
    clock.advance(seconds=PERIODS.convert_lease)
    read_again = Jobs._read_again

    def overtaken(ours: Jobs, job_id: str, error: PyMongoError) -> Document | None:
        clock.advance(milliseconds=1)
        assert jobs.apply(EXPIRE, "a", epoch=1)
        return read_again(ours, job_id, error)

    monkeypatch.setattr(Jobs, "_read_again", overtaken)
    collection.faults = ["before"]
    assert jobs.apply(EXPIRE, "a", epoch=1) is None
    assert (document(collection)["state"], document(collection)["epoch"]) == ("ready", 2)


def test_a_deleted_job_cannot_be_changed(jobs: Jobs, collection: UnreliableCollection) -> None:
    collection.faults = [collection.documents.clear]
    assert accept(jobs) is None
    assert collection.changes == 1


def test_a_transition_that_does_not_apply_changes_nothing(jobs: Jobs, collection: UnreliableCollection) -> None:
    before = dict(document(collection))
    assert jobs.apply(CLAIM, "a", epoch=0, holder="h") is None
    assert jobs.apply(ABORT, "a", epoch=1) is None
    assert jobs.apply(ABORT, "b", epoch=0) is None
    assert document(collection) == before


def ticking(*answers: PyMongoError | None) -> tuple[Callable[[], datetime], list[PyMongoError | None]]:
    """Return a clock that raises these errors first, and the list of those that are left."""
    left = list(answers)
    clock = Clock()

    def tick() -> datetime:
        if error := left.pop(0) if left else None:
            raise error
        return clock.now

    return tick, left


@pytest.mark.parametrize(
    "answers",
    [[AutoReconnect(), AutoReconnect()], [NetworkTimeout()], [PyMongoError()]],
    ids=["two connections lost", "timed out", "another error"],
)
def test_an_unreadable_clock_changes_nothing(
    answers: list[PyMongoError], jobs: Jobs, collection: UnreliableCollection
) -> None:
    """The change is not requested, whatever the database answers afterwards."""
    tick, left = ticking(*answers)
    with pytest.raises(Failure) as failure:
        Jobs(collection, tick, PERIODS).apply(ABORT, "a", epoch=0)  # type: ignore[arg-type]
    assert failure.value.kind is UNAVAILABLE
    assert (left, collection.changes, document(collection)["state"]) == ([], 0, "receiving")


def test_a_connection_lost_before_reading_the_clock_is_replaced(jobs: Jobs, collection: UnreliableCollection) -> None:
    """A conversion of an hour is not repeated because of it."""
    tick, _ = ticking(AutoReconnect())
    assert Jobs(collection, tick, PERIODS).apply(ABORT, "a", epoch=0)  # type: ignore[arg-type]


def test_a_job_being_deleted_is_not_found(jobs: Jobs) -> None:
    assert jobs.find("a") == jobs.find_owned("a", "1")
    assert jobs.find_owned("a", "2") is None
    assert jobs.apply(DELETE, "a", epoch=0)
    assert (jobs.find("a"), jobs.find_owned("a", "1")) == (None, None)


@pytest.mark.parametrize(
    "ask", [lambda jobs: jobs.find("a"), lambda jobs: jobs.find_owned("a", "1"), lambda jobs: jobs.waiting({}, 1)]
)
def test_a_failed_read_is_unavailable(
    ask: Callable[[Jobs], object], jobs: Jobs, collection: UnreliableCollection
) -> None:
    collection.blind = True
    with pytest.raises(Failure) as failure:
        ask(jobs)
    assert failure.value.kind is UNAVAILABLE


@pytest.mark.parametrize(
    ("make", "forgotten"),
    [(states.aborted, True), (states.deleted, True), (states.done, False), (states.failed, False)],
)
def test_only_deleted_and_aborted_jobs_are_forgotten(make: Callable[[Any], str], forgotten: bool) -> None:
    system = System()
    job_id = make(system.sweeper)
    assert system.jobs.forget(system.document(job_id)) == forgotten
    assert (job_id in system.database["jobs"].documents) != forgotten
    if forgotten:
        assert not system.jobs.forget({"_id": job_id, "epoch": 0, "cleanup": {}})


@pytest.mark.parametrize("changed", [{"epoch": 7}, {"cleanup": {"at": None, "until": None}}])
def test_a_changed_job_is_not_forgotten(changed: Document) -> None:
    """Its cleanup was postponed, because another process may still write."""
    system = System()
    job_id = states.deleted(system.sweeper)
    assert not system.jobs.forget(system.document(job_id) | changed)
    assert job_id in system.database["jobs"].documents


Ask = Callable[[Jobs, int], Any]
DUE: dict[str, tuple[str, Document, Ask]] = {
    "lease.until": ("converting", {}, lambda jobs, limit: jobs.lease_expired("converting", limit)),
    "announce_due": ("ready", {}, lambda jobs, limit: jobs.unannounced(limit)),
    "mail.until": ("done", {"mail": {"state": "claimed"}}, lambda jobs, limit: jobs.mail_expired("claimed", limit)),
    "webhook.until": ("done", {"webhook": {"state": "claimed"}}, lambda jobs, limit: jobs.webhook_expired(limit)),
    "webhook.due": ("failed", {"webhook": {"state": "none"}}, lambda jobs, limit: jobs.webhook_unannounced(limit)),
    "cleanup.at": ("done", {}, lambda jobs, limit: jobs.uncleaned(limit)),
    "expires.mp3": ("done", {}, lambda jobs, limit: jobs.expired("mp3", limit)),
}


def dated(name: str, state: str, more: Document, field: str, moment: datetime | None) -> Document:
    """Return a document with a date in a field."""
    made: Document = {"_id": name, "state": state, "mail": {"state": "none"}} | more
    parent, _, last = field.rpartition(".")
    if moment is not None:
        here = made | {parent: dict(made.get(parent, {}))} if parent else made
        (here[parent] if parent else here)[last] = moment
        return here
    return made


@pytest.mark.parametrize("field", DUE)
def test_due_jobs_are_found_oldest_first(field: str, clock: Clock) -> None:
    """A job is due from its date on; without a date it never is."""
    state, more, ask = DUE[field]
    seconds = {"late": -10, "first": -3600, "now": 0, "soon": 0.001, "much later": 3600}
    found = [dated(name, state, more, field, clock.now + timedelta(seconds=after)) for name, after in seconds.items()]
    documents: Any = MemoryCollection([*found, dated("never", state, more, field, None)])
    jobs = Jobs(documents, clock, PERIODS)
    assert [job["_id"] for job in ask(jobs, 10)] == ["first", "late", "now"]
    assert [job["_id"] for job in ask(jobs, 2)] == ["first", "late"]


@pytest.mark.parametrize("field", ["lease.until", "mail.until"])
def test_only_jobs_in_the_given_state_are_due(field: str, clock: Clock) -> None:
    state, more, ask = DUE[field]
    other = {"mail": {"state": "handing_over"}} if more else {}
    documents: Any = MemoryCollection([dated("a", state if more else "receiving", other, field, clock.now)])
    assert list(ask(Jobs(documents, clock, PERIODS), 10)) == []


def test_waiting_jobs_are_counted_up_to_a_limit(clock: Clock) -> None:
    system = System()
    for _ in range(3):
        states.ready(system.sweeper)
        system.clock.advance(seconds=60)
    query = {"state": transitions.READY}
    assert system.jobs.waiting(query, 10) == Waiting(3, 180.0)
    assert system.jobs.waiting(query, 2) == Waiting(2, 180.0)
    assert system.jobs.waiting({"state": transitions.DONE}, 10) == Waiting(0, 0.0)


def test_where_none_waits_one_query_is_enough(clock: Clock) -> None:
    """Of the thirteen states that each pass of sweep looks at, nearly all are empty."""

    class UncountableCollection(MemoryCollection):
        def count_documents(self, query: Document, limit: int) -> int:
            raise AssertionError(query)

    documents: Any = UncountableCollection([])
    assert Jobs(documents, clock, PERIODS).waiting({"state": transitions.READY}, 10) == Waiting(0, 0.0)


def test_the_drivers_message_is_only_the_cause(jobs: Jobs, collection: UnreliableCollection) -> None:
    collection.blind = True
    with pytest.raises(Failure) as failure:
        jobs.find("a")
    assert (str(failure.value), failure.value.more) == ("unavailable", {})
    assert "no answer" in repr(failure.value.__cause__)

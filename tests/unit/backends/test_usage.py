"""What a user uses: counted at once when a job begins, and counted anew from the jobs before anyone is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from functions.backends.usage import Full
from functions.common import ids, transitions
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Quotas
from functions.common.values import Document
from tests.integration import states
from tests.unit.in_memory import System

NONE = load(Quotas, {}).replace(kept_bytes=0, jobs_at_once=0, jobs_a_day=0, conversion_seconds=0)
USER = "1"


@pytest.fixture
def system() -> System:
    return System()


def counts(system: System) -> dict[str, Any]:
    """Return what is counted now."""
    found: dict[str, Any] = system.database["usage"].documents[USER]
    return {name: found[name] for name in ("open", "bytes", "jobs", "seconds")}


def later(system: System) -> None:
    """Let the last count of the jobs become old."""
    system.clock.advance(seconds=2)


def full(system: System, limits: Quotas, size: int = 0) -> str:
    """Return the quota that refuses an upload."""
    with pytest.raises(Full) as refused:
        system.usage.reserve(USER, ids.new(), size, limits)
    return refused.value.over.count.name


@pytest.mark.parametrize(
    ("limits", "size", "name"),
    [
        (NONE.replace(jobs_at_once=2), 0, "jobs-at-once"),
        (NONE.replace(jobs_a_day=2), 0, "jobs-a-day"),
        (NONE.replace(kept_bytes=200), 100, "bytes"),
    ],
)
def test_a_quota_ends_where_it_says(limits: Quotas, size: int, name: str, system: System) -> None:
    for _ in range(2):
        system.usage.reserve(USER, ids.new(), size, limits)
    assert full(system, limits, size) == name
    assert counts(system) == {"open": 2, "bytes": 2 * size, "jobs": 2, "seconds": 0}
    system.usage.reserve("2", ids.new(), size, limits)


def test_zero_is_no_limit(system: System) -> None:
    for _ in range(5):
        system.usage.reserve(USER, ids.new(), 2**40, NONE)


def test_seconds_of_conversion_end_where_they_say(system: System) -> None:
    limits = NONE.replace(conversion_seconds=10)
    system.usage.reserve(USER, ids.new(), 0, limits)
    job = system.document(states.converting(system.sweeper))
    system.usage.charge(job, 9)
    system.usage.reserve(USER, ids.new(), 0, limits)
    system.usage.charge(job, 1)
    assert full(system, limits) == "conversion-seconds-a-day"


def test_whoever_would_be_refused_is_counted_anew_first(system: System) -> None:
    """A job that has ended is not open any more, though nobody has counted down."""
    limits = NONE.replace(jobs_at_once=1, kept_bytes=100)
    system.usage.reserve(USER, ids.new(), 90, limits)
    assert full(system, limits) == "jobs-at-once"
    later(system)
    assert full(system, limits) == "jobs-at-once"
    system.clock.advance(seconds=states.PERIODS.upload_lease)  # no job came of that upload
    system.usage.reserve(USER, ids.new(), 90, limits)
    assert counts(system)["open"] == 1


def test_the_jobs_are_read_once_a_second_at_most(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = NONE.replace(jobs_at_once=1)
    system.usage.reserve(USER, ids.new(), 0, limits)
    later(system)
    reads: list[str] = []
    counted = system.jobs.counted

    def reading(owner: str) -> Iterator[Document]:
        reads.append(owner)
        return counted(owner)

    monkeypatch.setattr(system.jobs, "counted", reading)
    for _ in range(10):
        assert full(system, limits) == "jobs-at-once"
    assert reads == [USER]


def test_a_new_day_begins_at_midnight(system: System) -> None:
    limits = NONE.replace(jobs_a_day=1)
    job_id = ids.new()
    place = system.usage.reserve(USER, job_id, 5, limits)
    system.jobs.receive(job_id, owner=USER, email="a@example.org", filename="a.mp4", options={}, traceparent=None)
    system.clock.advance(hours=23.9)
    assert full(system, limits) == "jobs-a-day"
    later(system)
    assert full(system, limits) == "jobs-a-day"
    system.clock.advance(hours=1)
    system.usage.reserve(USER, ids.new(), 5, limits)
    assert counts(system) == {"open": 2, "bytes": 10, "jobs": 1, "seconds": 0}
    place.give_back()  # what counted yesterday
    assert counts(system) == {"open": 1, "bytes": 5, "jobs": 1, "seconds": 0}


def test_a_failed_upload_gives_back_once(system: System) -> None:
    place = system.usage.reserve(USER, ids.new(), 50, NONE)
    place.give_back()
    place.give_back()
    assert counts(system) == {"open": 0, "bytes": 0, "jobs": 0, "seconds": 0}


def test_bytes_are_counted_as_they_arrive_and_exactly_in_the_end(system: System) -> None:
    step = 16 * 2**20
    limits = NONE.replace(kept_bytes=2 * step)
    place = system.usage.reserve(USER, ids.new(), 0, limits)
    place.cover(1)
    assert counts(system)["bytes"] == step
    place.cover(step + 1)
    assert counts(system)["bytes"] == 2 * step
    with pytest.raises(Full):
        place.cover(2 * step + 1)
    place.settle(step + 7)
    assert counts(system)["bytes"] == step + 7


def test_the_last_bytes_may_be_fewer_than_a_step(system: System) -> None:
    place = system.usage.reserve(USER, ids.new(), 0, NONE.replace(kept_bytes=100))
    place.cover(60)
    place.cover(100)
    with pytest.raises(Full):
        place.cover(101)


def test_a_lost_place_ends_its_upload(system: System) -> None:
    """A process that stood still for longer than its lease has not been counted."""
    place = system.usage.reserve(USER, ids.new(), 0, NONE)
    system.clock.advance(seconds=states.PERIODS.upload_lease + 1)
    system.usage.count_again(USER)
    with pytest.raises(Failure, match="unavailable"):
        place.cover(1)


def test_every_kind_of_job_is_counted_from_the_jobs(system: System) -> None:
    """Files count until they have expired; a deleted job still counts as one of today."""
    states.received(system.sweeper)
    ready = states.ready(system.sweeper)
    states.converting(system.sweeper)
    done = states.done(system.sweeper)
    assert system.jobs.apply(transitions.ABORT, states.received(system.sweeper), epoch=0)
    system.usage.count_again(USER)
    size, length = system.document(ready)["size"], system.document(done)["mp3"]["length"]
    assert counts(system) == {"open": 3, "bytes": 3 * size + length, "jobs": 4, "seconds": 0}
    assert system.jobs.apply(transitions.DELETE, done, epoch=system.document(done)["epoch"])
    system.usage.count_again(USER)
    assert counts(system) == {"open": 3, "bytes": 2 * size, "jobs": 4, "seconds": 0}


def test_what_a_deleted_job_used_today_stays_counted(system: System) -> None:
    job_id = states.converting(system.sweeper)
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error={}, seconds=30)
    system.usage.count_again(USER)
    assert system.jobs.apply(transitions.DELETE, job_id, epoch=1)
    system.clock.advance(seconds=states.PERIODS.longest_step)
    for _ in range(3):
        states.sweep_once(system.sweeper)
        system.clock.advance(seconds=states.PERIODS.longest_step)
    assert job_id not in system.database["jobs"].documents
    system.usage.count_again(USER)
    assert counts(system) == {"open": 0, "bytes": 0, "jobs": 1, "seconds": 30}


def test_a_conversion_that_dies_is_charged_up_to_its_last_renewal(system: System) -> None:
    system.usage.count_again(USER)
    job_id = states.converting(system.sweeper)
    system.clock.advance(seconds=20)
    deadline = system.jobs.after(1000)
    assert system.jobs.apply(transitions.RENEW, job_id, epoch=1, progress=5, deadline=deadline)
    system.clock.advance(seconds=states.PERIODS.convert_lease)
    states.sweep_once(system.sweeper)
    assert system.document(job_id)["spent"] == 20
    assert counts(system)["seconds"] == 20
    system.usage.count_again(USER)
    assert counts(system)["seconds"] == 20


def test_who_may_only_read_sees_the_same(system: System) -> None:
    """Also before a user is counted for the first time, with running uploads, and the next day; nothing is written."""
    limits = NONE.replace(kept_bytes=10**9, jobs_at_once=9, jobs_a_day=9, conversion_seconds=99)
    states.done(system.sweeper)
    states.converting(system.sweeper)
    for use in (
        lambda: None,
        lambda: system.usage.reserve(USER, ids.new(), 50, limits),
        lambda: system.usage.charge(system.document(states.converting(system.sweeper)), 9),
        lambda: later(system),
        lambda: system.clock.advance(hours=24),
    ):
        use()
        stored = copy.deepcopy(system.database["usage"].documents)
        seen = system.usage.seen(USER, limits)
        assert system.database["usage"].documents == stored
        assert seen == system.usage.of(USER, limits)
    assert [each.used for each in seen] != [0, 0, 0, 0]


def test_who_may_only_read_counts_again_what_changed_meanwhile(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job of an upload appears between the reading of its user's document and that of the jobs."""
    limits, counted = NONE.replace(kept_bytes=1000), system.jobs.counted
    system.usage.count_again(USER)
    later(system)
    reads: list[str] = []

    def reading(owner: str) -> Iterator[Document]:
        if not reads:
            system.usage.reserve(USER, ids.new(), 50, limits)
        reads.append(owner)
        return counted(owner)

    monkeypatch.setattr(system.jobs, "counted", reading)
    assert [each.used for each in system.usage.seen(USER, limits)] == [50]
    assert reads == [USER, USER]


def test_the_counts_of_a_user_without_anything_are_deleted(system: System) -> None:
    system.usage.reserve(USER, ids.new(), 0, NONE).give_back()
    system.usage.reserve("2", ids.new(), 0, NONE)
    system.clock.advance(hours=25)
    assert sorted(system.usage.due(10)) == [USER, "2"]
    for user in (USER, "2"):
        system.usage.count_due(user)
    assert not system.database["usage"].documents

"""The sweeper: what a transition counts and logs, and the effects of one job's failure."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
from pymongo import _csot
from pymongo.errors import AutoReconnect

from functions.common import errors, metrics, trace, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.sweep.sweeper import Sweeper
from tests.exploration.memory import MemoryCollection
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import System

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def system() -> System:
    return System()


def fields(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the level and message of each log line, and its own fields."""
    own = ("job", "transition", "cause")
    return [
        (record.levelname, record.message, {name: vars(record)[name] for name in own if name in vars(record)})
        for record in caplog.records
    ]


def test_a_transition_is_counted_and_logged(system: System, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    job_id = states.received(system.sweeper)
    system.clock.advance(seconds=PERIODS.upload_lease)
    (changed,) = system.sweeper.apply(transitions.ABANDON, system.document(job_id))
    assert changed == system.document(job_id)
    assert changed["state"] == "aborted"
    assert system.sweeper.counts == {"abandon": 1}
    assert fields(caplog) == [("INFO", "swept", {"job": job_id, "transition": "abandon"})]


def test_a_job_that_has_changed_is_left_alone(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """Another sweeper was faster, or the job was not interrupted."""
    caplog.set_level(logging.INFO)
    job_id = states.converting(system.sweeper)
    read = system.document(job_id)
    system.clock.advance(seconds=PERIODS.convert_lease)
    assert system.sweeper.apply(transitions.EXPIRE, read)
    before = system.document(job_id)
    assert system.sweeper.apply(transitions.EXPIRE, read) == []
    assert (system.document(job_id), system.sweeper.counts) == (before, {"expire": 1})
    assert len(caplog.records) == 1


def test_a_mail_is_changed_by_the_token_that_was_read(system: System) -> None:
    job_id = states.claimed(system.sweeper)
    read = system.document(job_id)
    system.clock.advance(seconds=PERIODS.mail_lease)
    other = read | {"mail": read["mail"] | {"token": "another"}}
    assert system.sweeper.apply(transitions.EXPIRE_MAIL, other) == []
    assert system.sweeper.apply(transitions.EXPIRE_MAIL, read)


class TimedCollection(MemoryCollection):
    """A collection that records the time limit of each update, and may be unreachable."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[float | None] = []
        self.reached = True

    def find_one_and_update(self, query: Document, update: Document, return_document: bool = True) -> Document | None:
        """Change a document."""
        self.limits.append(_csot.get_timeout())
        if not self.reached:
            raise AutoReconnect("no answer")
        return super().find_one_and_update(query, update, return_document)


def test_an_update_has_a_time_limit() -> None:
    collection = TimedCollection()
    system = System(collection=collection)
    job_id = states.received(system.sweeper)
    system.clock.advance(seconds=PERIODS.upload_lease)
    sweeper = dataclasses.replace(system.sweeper, job_seconds=7.0)
    assert sweeper.apply(transitions.ABANDON, system.document(job_id))
    assert collection.limits == [7.0]


def test_an_unreachable_database_is_an_error() -> None:
    collection = TimedCollection()
    system = System(collection=collection)
    job_id = states.received(system.sweeper)
    system.clock.advance(seconds=PERIODS.upload_lease)
    collection.reached = False
    with pytest.raises(Failure) as failure:
        system.sweeper.apply(transitions.ABANDON, system.document(job_id))
    assert (failure.value.kind, system.sweeper.counts) == (errors.UNAVAILABLE, {})


@pytest.fixture
def sweeper(system: System) -> Sweeper:
    return system.sweeper


def test_a_failed_backend_only_affects_one_job(sweeper: Sweeper, caplog: pytest.LogCaptureFixture) -> None:
    with sweeper.isolate({"_id": "a"}):
        raise Failure(errors.UNAVAILABLE) from AutoReconnect("no answer")
    assert sweeper.counts == {metrics.NOT_REPAIRED: 1}
    expected = {"job": "a", "cause": repr(AutoReconnect("no answer"))}
    assert fields(caplog) == [("WARNING", "not repaired", expected)]
    assert not caplog.records[0].exc_info


def test_a_malformed_job_only_affects_itself(sweeper: Sweeper, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the traceback: such a document is a defect."""
    for _ in range(2):
        with sweeper.isolate({"_id": "a"}):
            raise KeyError("epoch")
    assert sweeper.counts == {metrics.NOT_REPAIRED: 2}
    assert fields(caplog) == [("ERROR", "not repaired", {"job": "a"})] * 2
    assert caplog.records[0].exc_info


def test_exceptions_that_end_the_process_are_not_caught(sweeper: Sweeper) -> None:
    with pytest.raises(SystemExit), sweeper.isolate({"_id": "a"}):
        raise SystemExit
    assert sweeper.counts == {}


@pytest.mark.parametrize("error", [None, Failure(errors.UNAVAILABLE), KeyError("epoch")], ids=repr)
def test_the_trace_of_a_job_is_followed_while_it_is_repaired(error: Exception | None, sweeper: Sweeper) -> None:
    before = trace._current.set("")
    try:
        with sweeper.isolate({"_id": "a", "traceparent": TRACE}):
            inside = trace.current()
            if error:
                raise error
        assert (inside[3:35], trace.current()) == (TRACE[3:35], "")
    finally:
        trace._current.reset(before)

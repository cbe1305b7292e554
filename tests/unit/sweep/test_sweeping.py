"""Sweeping: repairs take turns, a pass ends in time, and one failing repair does not stop the others."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from functions.common import errors, metrics
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Sweeping
from functions.common.values import Document
from functions.connector.settings import Connector
from functions.sweep import sweeping
from functions.sweep.repairs import Repair
from functions.sweep.sweeper import Sweeper
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import System

MANY = 1000


class Clock:
    """The process's clock, which only advances during work."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._reads = 0

    def monotonic(self) -> float:
        """Return the seconds; fail in a pass that does not end."""
        self._reads += 1
        assert self._reads < 10_000, "the pass does not end"
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sweeping, "time", made)
    return made


@pytest.fixture
def system() -> System:
    return System()


class Work:
    """Repairs with several jobs each, and the order in which the jobs were repaired."""

    def __init__(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self._clock = clock
        self._patch = monkeypatch
        self._repairs: list[Repair] = []

    def add(
        self, name: str, jobs: int, seconds: float = 0.0, error: Exception | None = None, failing_at: int = 0
    ) -> None:
        """Add a repair whose jobs take this many seconds each; it may fail at one of them."""

        def due(_jobs: object, limit: int) -> Iterator[Document]:
            yield from ({"_id": f"{name}{number}"} for number in range(min(jobs, limit)))

        def run(_sweeper: Sweeper, turn: Iterator[Document]) -> None:
            for number, job in enumerate(turn):
                self._clock.seconds += seconds
                if error and number == failing_at:
                    raise error
                self.done.append(job["_id"])

        self._repairs.append(Repair(name, due, run))
        self._patch.setattr(sweeping, "REPAIRS", tuple(self._repairs))


@pytest.fixture
def work(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(clock, monkeypatch)


def sweep_once(system: System, pass_seconds: float = 20.0, max_jobs: int = MANY) -> dict[str, int]:
    """Run one pass; return its counts."""
    sweeper = dataclasses.replace(system.sweeper, pass_seconds=pass_seconds, max_jobs=max_jobs)
    return sweeping.run(sweeper, Event())


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


def test_all_repairs_are_done_in_order(work: Work, system: System, caplog: pytest.LogCaptureFixture) -> None:
    for name, jobs in (("a", 2), ("b", 0), ("c", 1)):
        work.add(name, jobs)
    assert sweep_once(system) == {}
    assert work.done == ["a0", "a1", "c0"]
    assert warnings(caplog) == []


def test_repairs_take_turns_of_a_second(work: Work, system: System) -> None:
    """A job that was started is finished, so a turn may take longer than a second."""
    work.add("a", 4, seconds=0.5)
    work.add("b", 3, seconds=3.0)
    work.add("c", 1)
    sweep_once(system)
    assert work.done == ["a0", "a1", "b0", "c0", "a2", "a3", "b1", "b2"]


def test_a_pass_ends_at_its_time_limit(work: Work, system: System, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the repairs that the next pass continues."""
    work.add("a", 9, seconds=0.6)
    work.add("b", 9, seconds=0.6)
    work.add("c", 1)
    sweep_once(system, pass_seconds=3.0)
    assert work.done == ["a0", "a1", "b0", "b1", "c0", "a2"]
    assert warnings(caplog) == ["the next pass goes on"]
    assert vars(caplog.records[-1])["repairs"] == ["b", "a"]


def test_the_number_of_jobs_per_repair_is_limited(work: Work, system: System) -> None:
    work.add("a", 9)
    work.add("b", 2)
    sweep_once(system, max_jobs=3)
    assert work.done == ["a0", "a1", "a2", "b0", "b1"]


def test_a_failing_repair_is_not_repeated_and_does_not_stop_others(
    work: Work, system: System, caplog: pytest.LogCaptureFixture
) -> None:
    failure = Failure(errors.UNAVAILABLE)
    failure.__cause__ = OSError("no answer")
    work.add("a", 9, seconds=0.6, error=failure, failing_at=1)
    work.add("b", 3, seconds=0.6)
    assert sweep_once(system) == {metrics.REPAIRS_FAILED: 1}
    assert work.done == ["a0", "b0", "b1", "b2"]
    (record,) = caplog.records
    assert (record.message, vars(record)["repair"]) == ("repair failed", "a")
    assert vars(record)["cause"] == repr(OSError("no answer"))


def test_a_pass_with_a_working_repair_succeeds(work: Work, system: System) -> None:
    """Even if there was nothing to repair."""
    work.add("a", 1, error=KeyError("a"))
    work.add("b", 0)
    work.add("c", 1, error=KeyError("c"))
    assert sweep_once(system) == {metrics.REPAIRS_FAILED: 2}


def test_a_pass_without_a_working_repair_fails_with_the_last_error(work: Work, system: System) -> None:
    for name in "abc":
        work.add(name, 1, error=KeyError(name))
    with pytest.raises(KeyError) as error:
        sweep_once(system)
    assert error.value.args == ("c",)


def test_a_pass_without_time_succeeds(work: Work, system: System) -> None:
    work.add("a", 1)
    assert sweep_once(system, pass_seconds=0.0) == {}
    assert work.done == []


def test_a_stopping_process_finishes_its_current_job(work: Work, system: System) -> None:
    """The next pass does the rest."""
    stopping = Event()
    work.add("a", 2, seconds=0.1)
    work.add("b", 3, seconds=0.1)

    class Stopping(list[str]):
        def append(self, job_id: str) -> None:
            super().append(job_id)
            if job_id == "b0":
                stopping.set()

    work.done = Stopping()
    sweeping.run(system.sweeper, stopping)
    assert work.done == ["a0", "a1", "b0"]


@pytest.mark.usefixtures("clock")
def test_a_pass_ends_on_sigterm(system: System) -> None:
    """After SIGTERM, the next pass does the rest."""
    states.ready(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)
    stopping = Event()
    stopping.set()
    assert sweeping.run(system.sweeper, stopping) == {}
    assert sweeping.run(system.sweeper, Event()) == {"announce_ready": 1}


def test_jobs_are_read_only_when_their_turn_comes(clock: Clock, system: System) -> None:
    """Thousands may be due, and the pass may end before their turn."""
    read: list[int] = []

    def due(_jobs: object, limit: int) -> Iterator[Document]:
        for number in range(limit):
            read.append(number)
            yield {"_id": str(number)}

    backlog = sweeping.Backlog(Repair("a", due, lambda _sweeper, _jobs: None), system.sweeper)
    assert read == []
    assert next(backlog.turn(clock.seconds + 1, Event()))["_id"] == "0"
    assert [job["_id"] for job in backlog.turn(clock.seconds, Event())] == []
    assert next(backlog.turn(clock.seconds + 1, Event()))["_id"] == "1"
    assert (read, backlog.empty) == ([0, 1], False)


def test_an_expired_job_is_deleted_step_by_step(system: System) -> None:
    """Each pass repairs and cleans; whatever the first one postpones is due later."""
    job_id = states.done(system.sweeper)
    system.clock.advance(days=PERIODS.job_keep_days)
    passes = []
    while job_id in system.database["jobs"].documents:
        system.sweeper.counts.clear()
        passes.append(sweeping.run(system.sweeper, Event()))
        system.clock.advance(seconds=PERIODS.longest_step)
    assert passes == [{"expire_video": 1, "expire_mp3": 1, "delete": 1, "clean_again": 1}, {"forget": 1}]
    assert all(not ids for ids in system.stored().values())


@pytest.mark.parametrize("make", [states.received, states.ready, states.converting, states.finished, states.done])
def test_a_job_in_order_is_left_alone(make: Callable[[Sweeper], str], system: System) -> None:
    job_id = make(system.sweeper)
    before = system.document(job_id)
    assert sweep_once(system) == {}
    assert (system.document(job_id), system.queue.published) == (before, [])


def test_a_pass_fits_between_two_timer_ticks() -> None:
    """By default, a pass ends before the timer starts the next one."""
    assert load(Sweeping, {}).pass_seconds < load(Connector, {"CONNECTOR_SINKS": "a=http://b/"}).sweep_every

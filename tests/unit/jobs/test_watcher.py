"""The watcher: who is told what, once; what it asks the database for; and how streams end."""

from __future__ import annotations

import json
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from functions.backends.jobs import Jobs
from functions.common import errors, ids, metrics, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.jobs import events, following, watcher
from functions.jobs.listing import milliseconds
from functions.jobs.watcher import Listener, Watcher
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import System
from tests.unit.jobs.test_step import LOADED

LATEST = 10.0


class Time:
    """This process's clock, set by the test."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class RecordingStream:
    """A stream that keeps what is written."""

    def __init__(self) -> None:
        self.is_open = True
        self.written = b""
        self.left = False

    def write(self, data: bytes = b"") -> bool:
        self.is_open = self.is_open and not self.left
        self.written += data if self.is_open else b""
        return self.is_open

    def close(self) -> None:
        self.is_open = False


class RecordingJobs(Jobs):
    """Jobs that count what they are asked, and fail if told to."""

    asked = 0
    away = False

    def changes_since(self, since: datetime, limit: int) -> list[Document]:
        self.asked += 1
        if self.away:
            raise Failure(errors.UNAVAILABLE) from AutoReconnect("no answer")
        return super().changes_since(since, limit)


class World:
    """A watcher without its thread, whose ticks the test makes."""

    def __init__(self) -> None:
        self.system = System()
        self.jobs = RecordingJobs(self.system.jobs._collection, self.system.clock, PERIODS)
        self.stopping = Event()
        self.watcher = Watcher(self.jobs, LATEST, lambda job: events.of(job, LOADED), self.stopping)
        self.watcher._is_running = True
        self.time = Time()

    def follow(self, owner: str = "1", job_id: str | None = None) -> tuple[Listener, RecordingStream]:
        """Follow jobs from now on."""
        self.watcher.take_place(owner)
        listener, stream = Listener(owner, job_id, self.watcher.begin(self.system.clock.now)), RecordingStream()
        self.watcher.add(listener, stream)
        return listener, stream

    def pass_time(self, seconds: float = 1.0) -> None:
        """Let time pass on both clocks, then look."""
        self.system.clock.advance(seconds=seconds)
        self.time.now += seconds
        self.watcher.tick()

    def change(self, *rows: tuple[transitions.Transition, dict[str, Any]]) -> str:
        """Return a job that just began, after these changes."""
        job_id = states.ready(self.system.sweeper)
        for row, given in rows:
            states.take(self.system.sweeper, row, job_id, **given)
        return job_id


CLAIM = (transitions.CLAIM, {"epoch": 0, "holder": "h"})
FAIL = (transitions.FAIL, {"epoch": 1, "error": {"code": "c", "title": "t"}})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(watcher, "time", made.time)
    return made


def told(stream: RecordingStream) -> list[tuple[str, str]]:
    """Return the job and the state of each event, and forget them."""
    blocks = [block for block in stream.written.decode().split("\n\n") if "data: " in block]
    stream.written = b""
    found = [json.loads(block.partition("data: ")[2]) for block in blocks]
    return [(job["id"], job.get("state", "deleted")) for job in found]


def test_a_change_is_told_once_to_everybody_whom_it_concerns(world: World) -> None:
    one, other = world.change(), world.change()
    world.system.clock.advance(seconds=60)
    streams = {name: world.follow(*who)[1] for name, who in {"all": (), "one": ("1", one), "stranger": ("2",)}.items()}
    world.pass_time()
    assert [told(stream) for stream in streams.values()] == [[], [], []]
    states.take(world.system.sweeper, transitions.CLAIM, one, epoch=0, holder="h")
    states.take(world.system.sweeper, transitions.CLAIM, other, epoch=0, holder="h")
    world.pass_time()
    assert set(told(streams["all"])) == {(one, "converting"), (other, "converting")}
    assert told(streams["one"]) == [(one, "converting")]
    for _ in range(20):
        world.pass_time()
        assert [told(stream) for stream in streams.values()] == [[], [], []]


def test_the_database_is_asked_once_however_many_listen(world: World) -> None:
    for number in range(200):
        world.follow(str(number // 10))
    world.jobs.asked = 0
    for seconds in range(1, 11):
        world.pass_time()
        assert world.jobs.asked == seconds


def test_a_change_that_becomes_visible_late_is_told(world: World) -> None:
    """Its time is before that of changes that were told already, because it took an operation's whole time."""
    _, stream = world.follow()
    late = world.change()
    hidden = world.system.database["jobs"].documents.pop(late)
    for _ in range(int(LATEST)):
        world.pass_time()
        job_id = world.change()
        world.watcher.tick()
        assert told(stream) == [(job_id, "queued")]
    world.system.database["jobs"].documents[late] = hidden
    world.pass_time()
    assert told(stream) == [(late, "queued")]


def test_what_was_missed_while_the_database_was_away_is_told(world: World) -> None:
    _, stream = world.follow()
    world.pass_time()
    world.jobs.away = True
    missed = world.change()
    for _ in range(100):
        world.pass_time()
    assert told(stream) == []
    world.jobs.away = False
    world.pass_time()
    assert told(stream) == [(missed, "queued")]


def test_what_a_new_listener_missed_while_the_database_was_away_is_told(world: World) -> None:
    """Also if nobody listened before."""
    _, stream = world.follow()
    world.jobs.away = True
    missed = world.change()
    for _ in range(100):
        world.pass_time()
    world.jobs.away = False
    world.pass_time()
    assert told(stream) == [(missed, "queued")]


def test_whoever_comes_back_is_told_once_also_of_what_became_visible_late(world: World) -> None:
    """The stream begins with what was missed, and goes on with what is new."""
    late = world.change()
    world.system.clock.advance(seconds=LATEST)
    known = world.change()
    seen = events.seen(f"{milliseconds(world.system.clock.now)}.{known}")
    world.system.clock.advance(seconds=60)
    missed = world.change()
    listener, begun, ended = following._begun(world.watcher, "1", None, seen, world.jobs, LOADED)
    assert not ended
    stream = RecordingStream()
    stream.write(begun)
    assert told(stream) == [(late, "queued"), (missed, "queued")]
    world.watcher.take_place("1")
    world.watcher.add(listener, stream)
    new = world.change()
    for _ in range(3):
        world.pass_time()
    assert told(stream) == [(new, "queued")]


def test_a_new_listener_is_told_of_what_others_heard_before(world: World) -> None:
    """Between reading its job and the watcher's next look, others heard of a change."""
    _, first = world.follow()
    world.pass_time()
    listener = Listener("1", None, world.watcher.begin(world.system.clock.now))
    job_id = world.change()
    world.pass_time()
    assert told(first) == [(job_id, "queued")]
    for _ in range(60):
        world.pass_time()
    world.watcher.take_place("1")
    world.watcher.add(listener, second := RecordingStream())
    world.pass_time()
    assert told(second) == [(job_id, "queued")]
    assert told(first) == []


def test_a_job_that_is_gone_is_told_of(world: World) -> None:
    deleted, aborted = states.done(world.system.sweeper), states.received(world.system.sweeper)
    world.system.clock.advance(seconds=60)
    (_, of_all), (_, of_one) = world.follow(), world.follow("1", deleted)
    states.take(world.system.sweeper, transitions.DELETE, deleted, epoch=1)
    states.take(world.system.sweeper, transitions.ABORT, aborted, epoch=0)
    world.pass_time()
    assert b"event: deleted\n" in of_one.written
    assert set(told(of_all)) == {(deleted, "deleted"), (aborted, "deleted")}
    assert told(of_one) == [(deleted, "deleted")]
    assert (of_all.is_open, of_one.is_open) == (True, False)


def test_the_stream_of_one_job_ends_with_it(world: World) -> None:
    job_id = world.change()
    world.system.clock.advance(seconds=60)
    (_, of_all), (_, of_one) = world.follow(), world.follow("1", job_id)
    for row, given in (CLAIM, FAIL):
        states.take(world.system.sweeper, row, job_id, **given)
        world.pass_time()
    assert told(of_one) == told(of_all) == [(job_id, "converting"), (job_id, "failed")]
    assert (of_one.is_open, of_all.is_open) == (False, True)
    assert len(world.watcher._listeners) == 1


def test_an_idle_stream_has_comments_and_ends_in_time(world: World) -> None:
    """Before a platform ends it; its place is free then, and its line is logged."""
    listener, stream = world.follow()
    logged: list[int] = []
    listener.log = logged.append
    listener.sent = 7
    for _ in range(14):
        world.pass_time()
    assert stream.written == b""
    world.pass_time()
    assert stream.written == events.COMMENT
    for _ in range(494):
        world.pass_time()
    assert stream.is_open
    world.pass_time()
    assert (stream.is_open, world.watcher._listeners, world.watcher._places.total()) == (False, [], 0)
    assert logged == [7 + 33 * len(events.COMMENT)]


@pytest.mark.parametrize("how", ["left", "stopped"])
def test_a_stream_ends_with_its_client_or_its_process(how: str, world: World) -> None:
    before = metrics.levels().get(metrics.OPEN, {}).get("events", 0)
    listener, stream = world.follow()
    assert metrics.levels()[metrics.OPEN]["events"] == before + 1
    logged: list[int] = []
    listener.log = logged.append
    if how == "left":
        stream.left = True
    else:
        world.stopping.set()
    world.pass_time()
    assert (stream.is_open, world.watcher._listeners, logged) == (False, [], [0])
    assert metrics.levels()[metrics.OPEN]["events"] == before


def test_a_user_has_so_many_streams_and_a_process_too(world: World) -> None:
    for _ in range(watcher.MOST_OF_A_USER):
        world.follow()
    with pytest.raises(Failure) as refused:
        world.watcher.take_place("1")
    assert refused.value.kind is errors.TOO_MANY_STREAMS
    world.watcher.give_back("1")
    world.watcher.take_place("1")
    for number in range(watcher.MOST - watcher.MOST_OF_A_USER):
        world.watcher.take_place(f"other {number}")
    with pytest.raises(Failure) as refused:
        world.watcher.take_place("one more")
    assert (refused.value.kind, refused.value.headers) == (errors.BUSY, {"Retry-After": "5"})


def test_what_a_listener_knows_is_bounded(world: World) -> None:
    listener, stream = world.follow()
    for _ in range(100):
        world.change()
        world.pass_time()
    assert len(told(stream)) == 100
    assert len(listener.known) <= LATEST + 4


def test_more_changes_than_a_page_are_all_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "_PAGE", 7)
    _, stream = world.follow()
    made = set()
    for number in range(30):
        made.add((world.change(), "queued"))
        world.system.clock.advance(seconds=0.001 if number % 3 else 0)
    world.pass_time()
    assert set(found := told(stream)) == made
    assert len(found) == 30


def test_the_thread_runs_while_somebody_listens(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no longer: nobody who listens costs nothing."""
    monkeypatch.undo()
    monkeypatch.setattr(watcher, "PERIOD_SECONDS", 0.01)
    world.watcher._is_running = False
    for _ in range(2):
        _, stream = world.follow()
        assert world.watcher._is_running
        stream.left = True
        deadline = Event()
        for _ in range(500):
            if not world.watcher._is_running:
                break
            deadline.wait(0.01)
        assert not world.watcher._is_running


def test_last_event_ids() -> None:
    """Each names a time and a job, or only a time; what is neither is none."""
    job_id = ids.new()
    at = datetime.fromisoformat("2026-05-01T00:00:00.123+00:00")
    job = {"_id": job_id, "updated_at": at, "state": "deleting"}
    [version] = [line[4:] for line in events.of(job, LOADED).decode().splitlines() if line.startswith("id: ")]
    assert events.seen(version) == (at, job_id)
    [now] = [line[4:] for line in events.beginning(at).decode().splitlines() if line.startswith("id: ")]
    assert events.seen(now) == (at, None)
    for text in (None, "", "x", "1.x", f"{'9' * 15}.{job_id}", f"-1.{job_id}", "1.", job_id):
        assert events.seen(text) is None

"""A process that dies at any of its writes leaves no second job, no lost key, and no wrong count for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g, request
from pymongo.errors import AutoReconnect

from functions.backends import queue
from functions.common import errors, transitions
from functions.common.bearer import Bearer
from functions.common.config import load_all
from functions.common.errors import Failure
from functions.common.settings import Links, Periods, Quotas, WebhookTargets
from functions.upload import step
from functions.upload.admission import Stores
from tests.exploration.memory import MemoryCollection, MemoryDatabase
from tests.exploration.processes import MP4
from tests.integration import states
from tests.unit.in_memory import System

LOADED = load_all((Periods, Links, Quotas, WebhookTargets), {})
WRITES = ("insert_one", "insert_many", "find_one_and_update", "delete_one", "delete_many")
LIVE = ("receiving", "ready", "converting", "done", "failed")


class Killed(BaseException):
    """The process has died."""


class Fate:
    """What happens before or after the n-th write: the process dies, or the connection is lost for a moment."""

    def __init__(self) -> None:
        self.writes = 0
        self.at = 0
        self.before = False
        self.dies = True

    def write(self, do: Callable[[], Any]) -> Any:
        """Write, unless that fails now; a dead process writes nothing more."""
        self.writes += 1
        if self.dies and 0 < self.at < self.writes:
            raise Killed
        if self.writes != self.at:
            return do()
        if not self.before:
            do()
        raise Killed if self.dies else AutoReconnect("no answer")


class MortalDatabase(MemoryDatabase):
    """A database whose client may die at any write."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    def __missing__(self, name: str) -> MemoryCollection:
        made = self.setdefault(name, MemoryCollection(name=name))
        for each in WRITES:
            write = getattr(made, each)
            setattr(made, each, lambda *args, _w=write, **more: self._fate.write(lambda: _w(*args, **more)))
        return made


@pytest.fixture
def fate() -> Fate:
    return Fate()


@pytest.fixture
def system(fate: Fate, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr("tests.unit.in_memory.MemoryDatabase", lambda: MortalDatabase(fate))
    made = System()
    monkeypatch.setattr(queue, "connect", lambda: made.queue)
    return made


def upload(system: System, content: bytes = MP4, query: str = "", user: str = "7") -> str:
    """Upload a video with a key; return the job's id."""
    headers = {"Idempotency-Key": '"once"'}
    app = Flask("upload")
    with app.test_request_context(f"/?filename=a.mp4{query}", method="POST", data=content, headers=headers):
        stores = Stores(system.jobs, system.files, system.usage, system.keys)
        answer = step.answer(request._get_current_object(), Bearer(user, "ada@example.org"), LOADED, stores)  # type: ignore[attr-defined]
        for work in g.get("after_response", []):
            work()
        return str(answer.get_json()["id"])


def live(system: System) -> list[str]:
    """Return the jobs that are not aborted."""
    return [each["_id"] for each in system.database["jobs"].documents.values() if each["state"] in LIVE]


def counts(system: System) -> dict[str, Any]:
    """Return what is counted for the user once the jobs were counted again."""
    found = system.usage.count_again("7")
    assert found
    return {name: found[name] for name in ("open", "bytes", "jobs", "pending")}


def number_of_writes() -> int:
    """Return how often an upload writes."""
    fate = Fate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.unit.in_memory.MemoryDatabase", lambda: MortalDatabase(fate))
        system = System()
        patch.setattr(queue, "connect", lambda: system.queue)
        upload(system)
    return fate.writes


WRITTEN = number_of_writes()


def test_every_write_is_tried() -> None:
    """A place without a count, the count, the place, the key, the job, its chunk (twice), its file, both ends."""
    assert WRITTEN == 10


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, WRITTEN + 1))
def test_an_upload_that_died_is_repeated(write: int, before: bool, system: System, fate: Fate) -> None:
    """With the same key there is one job in the end, and it is counted once."""
    fate.at, fate.before = write, before
    with pytest.raises(Killed):
        upload(system)
    fate.at = 0
    # What the dead process has written counts at most once.
    assert counts(system)["open"] <= 1
    survived = live(system) if system.database["jobs"].documents else []
    system.clock.advance(seconds=states.PERIODS.upload_lease + 1)
    states.sweep_once(system.sweeper)
    job_id = upload(system)
    assert live(system) == [job_id]
    assert not survived or survived == [job_id] or system.document(survived[0])["state"] == "aborted"
    assert counts(system) == {"open": 1, "bytes": len(MP4), "jobs": 1, "pending": {}}


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, WRITTEN + 1))
def test_a_database_that_fails_for_a_moment(write: int, before: bool, system: System, fate: Fate) -> None:
    """The process lives on and cleans up, or has answered; sent again, the video makes no second job."""
    fate.at, fate.before, fate.dies = write, before, False
    with contextlib.suppress(Failure):
        upload(system)
    assert counts(system)["open"] <= 1
    system.clock.advance(seconds=states.PERIODS.upload_lease + 1)
    states.sweep_once(system.sweeper)
    job_id = upload(system)
    assert upload(system) == job_id
    assert live(system) == [job_id]
    assert counts(system) == {"open": 1, "bytes": len(MP4), "jobs": 1, "pending": {}}
    assert system.stored()["videos.files"] == system.stored()["videos.chunks"] == {job_id}


def test_a_key_is_in_use_until_its_upload_is_known_to_be_dead(system: System, fate: Fate) -> None:
    """Between the key and the job, and while the job is being received."""
    for write in (5, 6):  # the second upload finds the counts and its key
        fate.writes, fate.at, fate.before = 0, write, True
        with pytest.raises(Killed):
            upload(system)
        fate.at = 0
        with pytest.raises(Failure) as failure:
            upload(system)
        assert (failure.value.kind, failure.value.headers) == (errors.KEY_IN_USE, {"Retry-After": "5"})
        system.clock.advance(seconds=states.PERIODS.upload_lease + 1)
        states.sweep_once(system.sweeper)
    upload(system)


def test_other_content_or_options_with_the_key_are_refused_and_nothing_is_stored(system: System) -> None:
    job_id = upload(system)
    stored = system.stored()
    webhook = "&webhook=https://example.org/"
    others = ((MP4 + b"x", ""), (MP4[:-1], ""), (MP4[:-1] + b"x", ""), (MP4, "&bitrate=128"), (MP4, webhook))
    for content, query in others:
        with pytest.raises(Failure) as failure:
            upload(system, content, query)
        assert failure.value.kind is errors.KEY_REUSED
    assert (live(system), system.stored()) == ([job_id], stored)
    assert counts(system)["jobs"] == 1


def test_a_job_that_was_converted_again_is_still_that_of_its_key(system: System) -> None:
    """Its options are not those that came with it any more; another video is refused as before."""
    job_id = upload(system, query="&bitrate=128")
    states.take(system.sweeper, transitions.CLAIM, job_id, epoch=0, holder="h")
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"})
    again = {"options": {"bitrate": 64}, "retries": {"day": "2026-05-01", "jobs": 1, "spent": 0}, "former": None}
    states.take(system.sweeper, transitions.RETRY, job_id, epoch=1, **again)
    assert upload(system, query="&bitrate=128") == job_id
    with pytest.raises(Failure) as failure:
        upload(system, MP4 + b"x", "&bitrate=128")
    assert failure.value.kind is errors.KEY_REUSED


def test_a_key_is_kept_for_a_day(system: System) -> None:
    first = upload(system)
    system.clock.advance(hours=23)
    assert upload(system) == first
    system.clock.advance(hours=1)
    assert upload(system) != first


def test_a_key_is_free_again_after_its_upload_was_refused(system: System) -> None:
    with pytest.raises(Failure, match="not_media"):
        upload(system, b"text")
    job_id = upload(system)
    assert live(system) == [job_id]


@pytest.mark.attack("B20")
def test_another_users_key_is_another_key(system: System) -> None:
    assert upload(system) != upload(system, user="8")

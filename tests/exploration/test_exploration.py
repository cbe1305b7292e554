"""Whatever crashes, is lost, comes twice or comes late: nothing is lost, and nobody gets two mails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.common import ids, transitions
from functions.common.transitions import Transition
from functions.convert import lease
from functions.upload import intake
from tests.exploration import processes
from tests.exploration.explorer import Explorer, State
from tests.exploration.memory import MemoryCollection
from tests.exploration.world import PARTIAL, WHOLE, World, freeze, thaw

VIDEO = frozenset({("videos", processes.JOB, PARTIAL), ("videos", processes.JOB, WHOLE)})


@pytest.fixture(autouse=True)
def _one_job(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ids, "new", lambda: processes.JOB)
    monkeypatch.setattr(lease, "time", processes.CLOCK)
    monkeypatch.setattr(intake, "time", processes.CLOCK)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _taken_through(*rows: tuple[Transition, dict[str, Any]]) -> Any:
    """Return the frozen document of a job that went through these rows."""
    documents = MemoryCollection()
    jobs = processes.Jobs(documents, lambda: processes.NOW, processes.PERIODS)  # type: ignore[arg-type]
    jobs.receive(processes.JOB, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
    for row, given in rows:
        assert jobs.apply(row, processes.JOB, **given)
    return freeze(documents.documents[processes.JOB])


ACCEPTED = (transitions.ACCEPT, {"epoch": 0, "size": 5, "sha256": "x", "options": {}})
CLAIMED = (transitions.CLAIM, {"epoch": 0, "holder": "a"})
MP3 = f"{processes.JOB}.1"
FINISHED = (transitions.FINISH, {"epoch": 1, "mp3": {"file_id": MP3, "length": 3, "sha256": "x", "duration": 1.0}})
FAILED = (transitions.FAIL, {"epoch": 1, "error": {"code": "no_audio", "title": "No sound."}})

READY_WORLD = World(_taken_through(ACCEPTED), VIDEO, frozenset({"ready"}), (), True)
DONE_WORLD = World(
    _taken_through(ACCEPTED, CLAIMED, FINISHED), VIDEO | {("mp3s", MP3, PARTIAL), ("mp3s", MP3, WHOLE)},
    frozenset({"ended"}), (), True,
)  # fmt: skip
FAILED_WORLD = World(_taken_through(ACCEPTED, CLAIMED, FAILED), VIDEO, frozenset({"ended"}), (), True)


def wrong_now(world: World) -> str | None:
    """Say what may never be, even for a moment."""
    if len(world.mails) != len(set(world.mails)):
        return "two mails"
    job = thaw(world.document) if world.document else None
    if job and job["state"] == "done" and ("mp3s", job["mp3"]["file_id"], WHOLE) not in world.files:
        return "done without its MP3"
    if job and job["state"] in ("ready", "converting", "done") and not world.files >= VIDEO:
        return "a job without its video"
    return None


def wrong_in_the_end(world: World) -> str | None:
    """Say what may not be once everything has settled."""
    job = thaw(world.document) if world.document else None
    state = job["state"] if job else None
    if world.acknowledged and state not in ("done", "failed", None):
        return "lost"
    expected = set(VIDEO) if state in ("done", "failed") else set()
    if state == "done":
        expected |= {("mp3s", job["mp3"]["file_id"], PARTIAL), ("mp3s", job["mp3"]["file_id"], WHOLE)}
    if world.files != expected:
        return "files left, or missing"
    return None


def wrong_with_mails(world: World) -> str | None:
    """Say what may not be in the end where notify runs too."""
    job = thaw(world.document) if world.document else None
    if job is None or job["state"] not in ("done", "failed"):
        return None
    state, run = job["mail"]["state"], job["mail"]["run"]
    if state not in ("sent", "unknown", "failed"):
        return "no mail, and nobody will send one"
    if (state == "sent" and run not in world.mails) or (state == "failed" and run in world.mails):
        return f"the mail is not {state}"
    return None


def explore(explorer: Explorer, *more: Callable[[World], str | None]) -> int:
    """Visit every state and fail with the way to the first wrong one; return how many there are."""
    count = 0
    for state in explorer.states():
        count += 1
        wrong = _wrong(explorer, state, more)
        if wrong:
            pytest.fail(f"{wrong}:\n" + "\n".join(explorer.path_to(state)))
    return count


def _wrong(explorer: Explorer, state: State, more: tuple[Callable[[World], str | None], ...]) -> str | None:
    world, settled = explorer.worlds.value(state.world), explorer.settled(state)
    if world.acknowledged and settled.document is None and "delete" not in explorer.slots:
        return "lost"
    found = [wrong_now(world), wrong_in_the_end(settled), *(check(settled) for check in more)]
    return next((each for each in found if each), None)


def explorer(name: str) -> tuple[Explorer, list[Callable[[World], str | None]]]:
    """Return one of the explorations, and what it checks besides."""
    return {
        "upload, convert and sweep, one fault": (Explorer(("upload", "convert", "sweep"), 1), []),
        "a converter and a notifier": (Explorer(("convert", "notify", "sweep"), 0, READY_WORLD), [wrong_with_mails]),
        "two converters, one fault": (Explorer(("convert", "convert", "sweep"), 1, READY_WORLD), []),
        "two notifiers, one fault": (Explorer(("notify", "notify", "sweep"), 1, DONE_WORLD), [wrong_with_mails]),
        "a notifier that stops": (
            Explorer(("notify", "stopped notify", "sweep"), 0, FAILED_WORLD), [wrong_with_mails],
        ),
        "deleted while it is converted, one fault": (Explorer(("convert", "delete", "sweep"), 1, READY_WORLD), []),
        "retried while its mail is sent": (
            Explorer(("retry", "convert", "notify", "sweep"), 0, FAILED_WORLD), [wrong_with_mails],
        ),
    }[name]  # fmt: skip


EXPLORATIONS = (
    "upload, convert and sweep, one fault",
    "a converter and a notifier",
    "two converters, one fault",
    "two notifiers, one fault",
    "a notifier that stops",
    "deleted while it is converted, one fault",
    "retried while its mail is sent",
)


@pytest.mark.parametrize("name", EXPLORATIONS)
def test_nothing_is_lost_and_nothing_comes_twice(name: str, record_property: Callable[[str, object], None]) -> None:
    """Every reachable state is right, and settles into a right end."""
    explorer_, checks = explorer(name)
    count = explore(explorer_, *checks)
    record_property("states", count)
    print(f"\n{name}: {count:,} states")
    assert count > 100

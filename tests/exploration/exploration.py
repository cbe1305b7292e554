"""One exploration: its initial worlds, its invariants, and the path to the first violation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from functions.backends.jobs import Jobs
from functions.backends.usage import Usage
from functions.common import ids, transitions
from functions.common.transitions import Transition
from functions.common.values import Document
from functions.convert import conversion, lease
from functions.upload import intake
from tests.exploration import processes
from tests.exploration.explorer import Explorer
from tests.exploration.memory import MemoryCollection
from tests.exploration.world import PARTIAL, WHOLE, World, freeze, thaw

Check = Callable[[World], str | None]
VIDEO = frozenset({("videos", processes.JOB, PARTIAL), ("videos", processes.JOB, WHOLE)})


class Result(NamedTuple):
    """The number of visited states, and the path to the violation at which it stopped, if any."""

    states: int
    violation: str | None


@contextmanager
def one_job_setup() -> Iterator[pytest.MonkeyPatch]:
    """Set up one job, the exploration's clock and no logging; yield the patcher for more patches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "new", lambda: processes.JOB)
        patch.setattr(lease, "time", processes.CLOCK)
        patch.setattr(intake, "time", processes.CLOCK)
        patch.setattr(conversion, "time", processes.CLOCK)
        patch.setattr("functions.backends.usage.time", processes.CLOCK)
        logging.disable(logging.CRITICAL)
        yield patch
        logging.disable(logging.NOTSET)


def _document_after(*rows: tuple[Transition, dict[str, Any]], days_ago: int = 0) -> Any:
    """Return the frozen document of a job after these transitions."""
    documents = MemoryCollection()
    then = processes.NOW - timedelta(days=days_ago)
    jobs = Jobs(documents, lambda: then, processes.PERIODS)  # type: ignore[arg-type]
    jobs.receive(processes.JOB, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
    for row, given in rows:
        assert jobs.apply(row, processes.JOB, **given)
    return freeze(documents.documents[processes.JOB])


ACCEPTED = (transitions.ACCEPT, {"epoch": 0, "size": 5, "sha256": "x", "options": {}})
WEBHOOK = {"webhook": {"url": "https://example.org/", "state": "none", "attempts": 0}}
OF_ACCOUNT = {"webhook": {"state": "none", "attempts": 0}}
CLAIMED = (transitions.CLAIM, {"epoch": 0, "holder": "a"})
MP3 = f"{processes.JOB}.1"
FINISHED = (transitions.FINISH, {"epoch": 1, "mp3": {"file_id": MP3, "length": 3, "sha256": "x", "duration": 1.0}})
FAILED = (transitions.FAIL, {"epoch": 1, "error": {"code": "no_audio", "title": "No sound."}})

READY_WORLD = World(_document_after(ACCEPTED), VIDEO, frozenset({"ready"}), (), True)


def done_world(days_ago: int = 0, *, kept: bool = True) -> World:
    """Return the world of a job that was done this many days ago; `kept` if its document is not due for deletion."""
    document = _document_after(ACCEPTED, CLAIMED, FINISHED, days_ago=days_ago)
    return World(document, VIDEO | {("mp3s", MP3, PARTIAL), ("mp3s", MP3, WHOLE)}, frozenset({"ended"}), (), kept)


MAILED = [
    (transitions.CLAIM_MAIL, {"run": 1, "token": "earlier"}),
    (transitions.HAND_OVER, {"token": "earlier", "message_id": "<m>"}),
    (transitions.MAIL_SENT, {"token": "earlier"}),
]


def asking_world(*, mailed: bool = True, failed: bool = False, account: bool = False) -> World:
    """Return the world of a job that has just ended, with a webhook to send; `mailed` if its mail was sent before.

    `account` if the webhook goes where its owner's account says.
    """
    webhook = OF_ACCOUNT if account else WEBHOOK
    accepted, ended = ((row, given | webhook) for row, given in (ACCEPTED, FAILED if failed else FINISHED))
    document = _document_after(accepted, CLAIMED, ended, *(MAILED if mailed else ()))
    mp3 = frozenset() if failed else frozenset({("mp3s", MP3, PARTIAL), ("mp3s", MP3, WHOLE)})
    return World(document, VIDEO | mp3, frozenset({"ended"}), (1,) if mailed else (), acknowledged=True)


def counted_world(world: World = READY_WORLD) -> World:
    """Return the world of a job, by default one that is ready, and of its owner's counts."""
    documents = MemoryCollection([thaw(world.document)])
    jobs = Jobs(documents, lambda: processes.NOW, processes.COUNTING_PERIODS)  # type: ignore[arg-type]
    usage = MemoryCollection()
    Usage(usage, jobs).count_again("1")  # type: ignore[arg-type]
    return world._replace(usage=freeze(usage.documents["1"]))


def failed_world(days_ago: int = 0) -> World:
    """Return the world of a job that failed this many days ago."""
    return World(_document_after(ACCEPTED, CLAIMED, FAILED, days_ago=days_ago), VIDEO, frozenset({"ended"}), (), True)


def violation_now(world: World) -> str | None:
    """Return the violation of an invariant that must hold at every moment, if any."""
    if len(world.mails) != len(set(world.mails)):
        return "two mails"
    job = thaw(world.document) if world.document else None
    state = job["state"] if job else None
    # Also after it has expired: a download may still be running.
    if job and state == "done" and ("mp3s", job["mp3"]["file_id"], WHOLE) not in world.files:
        return "done without its MP3"
    if job and state != "deleting" and job.get("former") and ("mp3s", MP3, WHOLE) not in world.files:
        return "a download of the MP3 before is cut"
    if job and state in ("ready", "converting", "done", "failed") and not world.files >= VIDEO:
        if not job.get("video_expired_at"):
            return "a job without its video"
        if state in ("ready", "converting"):
            return "a job waits for a video that has expired"
    return None


def violation_when_settled(world: World) -> str | None:
    """Return the violation of an invariant that must hold once everything has settled, if any."""
    job = thaw(world.document) if world.document else None
    state = job["state"] if job else None
    if world.acknowledged and state not in ("ready", "done", "failed", None):
        return "lost"
    if world.deleted and job:
        return "deleted, but still there"
    if world.revoked and job and not job.get("link_version"):
        return "revoked, but the links work"
    expected: set[tuple[str, str, str]] = set()
    if job and state in ("ready", "done", "failed") and not job.get("video_expired_at"):
        expected |= VIDEO
    if job and state == "done" and not job["mp3"].get("expired_at"):
        expected |= {("mp3s", job["mp3"]["file_id"], PARTIAL), ("mp3s", job["mp3"]["file_id"], WHOLE)}
    if job and state == "ready" and job.get("former"):  # deleted once the next conversion has ended
        expected |= {("mp3s", MP3, PARTIAL), ("mp3s", MP3, WHOLE)}
    if world.files != expected:
        return "files are left or missing"
    return None


def mail_violation(world: World) -> str | None:
    """Return the violation of an invariant about mails that must hold once everything has settled, if any."""
    job = thaw(world.document) if world.document else None
    if job is None or job["state"] not in ("done", "failed"):
        return None
    state, run = job["mail"]["state"], job["mail"]["run"]
    if state not in ("sent", "unknown", "failed"):
        return "no mail, and none will be sent"
    if (state == "sent" and run not in world.mails) or (state == "failed" and run in world.mails):
        return f"the mail is not {state}"
    return None


def webhook_violation(world: World) -> str | None:
    """Return the violation of an invariant about webhooks that must hold once everything has settled, if any."""
    job = thaw(world.document) if world.document else None
    if job is None or job["state"] not in ("done", "failed"):
        return None
    state, message_id = job["webhook"]["state"], f"{job['_id']}.{job['epoch']}"
    if state not in ("sent", "failed", "declined"):
        return "no webhook, and none will be sent"
    if state == "declined" and not world.closed:
        return "a webhook is declined that is wanted"
    if state == "sent" and message_id not in world.webhooks:
        return "the webhook is not sent"
    return None


def webhooks_at_most(number: int) -> Check:
    """Return a check that no webhook was sent more often than this."""

    def check(world: World) -> str | None:
        times = max(map(world.webhooks.count, world.webhooks), default=0)
        return f"a webhook was sent {times} times" if times > number else None

    return check


OPEN = ("receiving", "ready", "converting")


def uncounted_now(world: World) -> str | None:
    """Return whether the owner has more than what is counted: a crash leaves too much at most."""
    if world.document is None or world.usage is None:
        return None
    job, usage = thaw(world.document), thaw(world.usage)
    if (job["state"] in OPEN) > usage["open"]:
        return "an open job is not counted"
    if job["state"] in ("ready", "converting") and job["size"] > usage["bytes"]:
        return "a video is not counted"
    if usage["jobs"] < 1 + (job.get("retries") or {"jobs": 0})["jobs"] and job["state"] not in ("aborted", "deleting"):
        return "a job of the day is not counted"
    return None


def miscounted_when_settled(world: World) -> str | None:
    """Return whether the counts differ from the job once it has been counted anew."""
    if world.usage is None:
        return None
    usage: Document = thaw(world.usage)
    job: Document = thaw(world.document) if world.document else {"state": None}
    video, mp3 = (0 if job.get("video_expired_at") else job.get("size", 0)), job.get("mp3", {})
    kept = video + (0 if mp3.get("expired_at") else mp3.get("length", 0))
    gone = job["state"] in (None, "receiving", "aborted", "deleting")
    expected = {"open": int(job["state"] in OPEN), "bytes": 0 if gone else kept}
    found = {name: usage[name] for name in expected}
    return None if found == expected and not usage["pending"] else f"counted {found} instead of {expected}"


def explore(explorer: Explorer, *more: Check) -> Result:
    """Visit states until one violates an invariant, or until all are visited."""
    checked: dict[tuple[int, int], str | None] = {}  # many states have the same worlds
    count = 0
    for state in explorer.states():
        count += 1
        worlds = explorer.world(state), explorer.settled(state)
        if worlds not in checked:
            world, settled = map(explorer.worlds.value, worlds)
            checked[worlds] = _violation(explorer, world, settled, more)
        if violation := checked[worlds]:
            return Result(count, f"{violation}:\n" + "\n".join(explorer.path_to(state)))
    return Result(count, None)


def _violation(explorer: Explorer, world: World, settled: World, more: tuple[Check, ...]) -> str | None:
    job = thaw(settled.document) if settled.document else None
    if world.acknowledged and job is None and "delete" not in explorer.slots:
        return "lost"
    if job and job["state"] == "ready" and "convert" in explorer.slots:
        return "never converted"
    found = [violation_now(world), uncounted_now(world), violation_when_settled(settled)]
    found += [miscounted_when_settled(settled), *(check(settled) for check in more)]
    return next((each for each in found if each), None)

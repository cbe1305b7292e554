"""How a job gets to a step of sweep or the operator's command: by other crashes, by time, by commands."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pika

from functions.common import events
from tests.chaos import requests
from tests.chaos.crash_harness import KILLED, Harness, Outcome
from tests.chaos.crash_tools import answering, held, video
from tests.clients import web
from tests.clients.waiting import until
from tests.connector.queues import STRUCTURED, Queues
from tests.media.videos import half_video

JOB_KEPT = timedelta(days=90)


def after_crashes_at(*earlier: str, told: bool | None = None) -> Callable[[Harness, str, str], None]:
    """Return a cause that crashes a process at each of these steps; then time passes, and sweep repairs the job.

    `told` if the job has a webhook; false, if it shall have none, so that sweep sends its event for the mail alone.
    """

    def cause(harness: Harness, step: str, name: str) -> None:
        for number, one in enumerate(earlier):
            harness.arm(one)
            if number:
                harness.let_time_pass(name)
            else:
                harness.send(name, video(harness), **_webhook(harness, told))
            harness.await_crash(one)
        harness.arm(step)
        harness.let_time_pass(name)
        harness.await_crash(step)

    return cause


def _webhook(harness: Harness, told: bool | None) -> dict[str, str]:
    if told is None:
        return {}
    return {"webhook": harness.system.receiver.url() if told else ""}


def tombstone(harness: Harness, step: str, name: str) -> None:
    """An upload crashed long ago, its files are deleted, and its document is due."""
    harness.arm("upload:accept.before")
    harness.send(name, video(harness))
    harness.await_crash("upload:accept.before")
    harness.let_time_pass(name)
    until(lambda: harness.cleaned(name), "its files to be deleted")
    harness.arm(step)
    until(lambda: harness.let_time_pass(name), "time to pass")
    harness.await_crash(step)


def forgotten(harness: Harness, step: str, name: str) -> None:
    """The operator deleted a job long ago, and its document is due."""
    harness.send(name, video(harness))
    harness.await_outcome(name, Outcome("done"))
    fid = harness.job(name)["_id"]
    harness.deleted.add(fid)
    assert harness.command("delete", fid) == 0
    harness.arm(step)

    def crashed() -> bool:
        harness.let_time_pass(name)
        return not harness.armed(step)

    until(crashed, "its document to be deleted")


def long_uncounted(harness: Harness, step: str, name: str) -> None:
    """The user's jobs were counted two days ago."""
    harness.send(name, video(harness))
    harness.await_outcome(name, Outcome("done"))
    harness.arm(step)
    changes = {"$set": {"counted_at": datetime.now(UTC) - timedelta(days=2)}, "$inc": {"revision": 1}}
    harness.system.inspector.database["usage"].update_many({}, changes)
    harness.await_crash(step)


def unused(harness: Harness, step: str, name: str) -> None:
    """A user without jobs was counted two days ago."""
    harness.send(name, video(harness))
    harness.await_outcome(name, Outcome("done"))
    harness.arm(step)
    nothing = {"open": 0, "bytes": 0, "jobs": 0, "seconds": 0, "pending": {}, "gone": {"jobs": 0, "seconds": 0}}
    then = datetime.now(UTC) - timedelta(days=2)
    counts = {"_id": name, "revision": 1, "day": then.date().isoformat(), "counted_at": then, **nothing}
    harness.system.inspector.database["usage"].insert_one(counts)
    harness.await_crash(step)


def kept_for(length: timedelta) -> Callable[[Harness, str, str], None]:
    """Return a cause that moves the end of a job this far into the past."""

    def cause(harness: Harness, step: str, name: str) -> None:
        harness.send(name, video(harness))
        until(lambda: harness.cleaned(name), "its files to be checked")
        if length >= JOB_KEPT:
            harness.deleted.add(harness.job(name)["_id"])
        harness.arm(step)
        until(lambda: harness.let_time_pass(name, length), "time to pass")
        harness.await_crash(step)

    return cause


def mp3_undeletable(harness: Harness, step: str, name: str) -> None:
    """A converter crashed after storing an MP3, and the database does not answer when sweep deletes it."""
    harness.arm("convert:mp3s.files.after")
    harness.send(name, video(harness))
    harness.await_crash("convert:mp3s.files.after")
    harness.arm(step)
    with held(harness, requests.DELETE_MP3S):
        harness.let_time_pass(name)
        harness.await_crash(step)


def deleted(harness: Harness, step: str, name: str) -> None:
    """The operator deletes a finished job."""
    harness.send(name, video(harness))
    harness.await_outcome(name, Outcome("done"))
    fid = harness.job(name)["_id"]
    harness.deleted.add(fid)
    harness.arm(step)
    assert harness.command("delete", fid) == KILLED


def retried(harness: Harness, step: str, name: str) -> None:
    """The operator repairs a video and has it converted again."""
    harness.send(name, half_video(harness.videos))
    harness.await_outcome(name, Outcome("failed"))
    fid = harness.job(name)["_id"]
    harness.system.inspector.replace_video(fid, video(harness).read_bytes())
    harness.arm(step)
    assert harness.command("retry", fid) == KILLED


def changed(harness: Harness, step: str, name: str) -> None:
    """The owner has a finished job converted with other options, by the function."""
    _crash_at_change(harness, step, name)


def first_change(harness: Harness, step: str, name: str) -> None:
    """Nothing is counted for the owner yet."""
    _crash_at_change(harness, step, name, lambda: harness.system.inspector.database["usage"].delete_many({}))


def _crash_at_change(harness: Harness, step: str, name: str, prepare: Callable[[], object] = lambda: None) -> None:
    harness.send(name, video(harness))
    harness.await_outcome(name, Outcome("done"))
    prepare()
    harness.arm(step)
    _change(harness, harness.job(name)["_id"])
    harness.await_crash(step)
    harness.system.stack.await_healthy("jobs")


def overtaken_change(harness: Harness, step: str, name: str) -> None:
    """The operator deletes the job while the change is on its way."""
    harness.send(name, video(harness))
    harness.await_outcome(name, Outcome("done"))
    fid = harness.job(name)["_id"]
    harness.deleted.add(fid)
    harness.arm(step)
    with ThreadPoolExecutor(1) as pool:
        with held(harness, requests.RETRY) as await_held:
            asked = pool.submit(_change, harness, fid)
            await_held()
            assert harness.command("delete", fid) == 0
        asked.result()
    harness.await_crash(step)
    harness.system.stack.await_healthy("jobs")


def _change(harness: Harness, fid: str) -> None:
    """Ask for other options; the function crashes before its answer or right after it."""
    target = f"{harness.system.stack.functions['jobs']}/{fid}/retry?bitrate=64"
    try:
        answer = web.call("POST", target, headers=web.bearer(harness.system.owner.token))
    except (OSError, http.client.HTTPException):
        return
    assert answer.status == 202, answer


def revoked(harness: Harness, step: str, name: str) -> None:
    """The operator revokes the links of a finished job, again if the first command crashed before it did."""
    harness.send(name, video(harness))
    harness.await_outcome(name, Outcome("done"))
    fid = harness.job(name)["_id"]
    harness.arm(step)
    assert harness.command("revoke", fid) == KILLED
    assert harness.job(name).get("link_version") == (1 if step.endswith("after") else None)
    assert harness.command("revoke", fid) == 0


def told_again(harness: Harness, step: str, name: str) -> None:
    """The operator sends the webhook of a finished job again, twice if the first command crashed before it did."""
    harness.send(name, video(harness), webhook=harness.system.receiver.url())
    harness.await_outcome(name, Outcome("done", webhook="sent", webhooks=1))
    fid = harness.job(name)["_id"]
    harness.arm(step)
    assert harness.command("webhook", fid) == KILLED
    if step.endswith("before"):
        assert harness.command("webhook", fid) == 0


def letter_replayed(harness: Harness, step: str, name: str) -> None:
    """The operator replays a dead letter twice, crashing once: a rejected mail is sent again."""
    with answering(harness, "550 5.1.1 no such user"):
        harness.send(name, video(harness))
        harness.await_outcome(name, Outcome("done", "failed", 0))
    job = harness.job(name)
    properties = pika.BasicProperties(content_type=STRUCTURED, delivery_mode=2)
    Queues(harness.system.stack.rabbitmq_url).publish("mp3s.dead", properties, events.encode(events.of(job)))
    harness.arm(step)
    assert harness.command("replay", job["_id"]) == KILLED
    assert harness.command("replay", job["_id"]) == (1 if step == "jobs:letters.drop.after" else 0)

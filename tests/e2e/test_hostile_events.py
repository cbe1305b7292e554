"""Hostile events: an event is a hint to look at a job, and nothing else in it is believed, whoever sent it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.clients import events, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import stays
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone

READY = "com.mp3converter.mp3.ready"
FAILED = "com.mp3converter.conversion.failed"
WATCH_SECONDS = 3.0
TIMES = 1000


def forged(fid: str, kind: str, **more: Any) -> bytes:
    """Return an event that says more about a job than its id."""
    attributes = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/mp3converter", "type": kind}
    return json.dumps(attributes | {"subject": str(uuid.uuid4()), "data": {"id": fid} | more}).encode()


def send(stack: PrivateStack, function: str, body: bytes) -> int:
    fields = {"Content-Type": "application/cloudevents+json", **web.bearer(stack.event_token)}
    return web.call("POST", stack.functions[function], headers=fields, body=body).status


def outcome(job: dict[str, Any]) -> dict[str, Any]:
    """Return what no event may change in a job that has ended; sweep still cleans up."""
    return {name: job[name] for name in ("state", "epoch", "attempts", "owner", "email", "options", "mp3")}


@pytest.mark.attack("E2")
def test_what_an_event_says_besides_the_id(
    no_connector: Callable[[], None],
    stack: PrivateStack,
    url: Urls,
    owner: Person,
    other_user: Person,
    video: Path,
    inspector: Inspector,
    mailbox: Mailbox,
) -> None:
    """Another user's job is converted as its owner asked, and the mail goes to the owner alone."""
    lies = {
        "email": other_user.email,
        "owner": "1",
        "video_id": str(uuid.uuid4()),
        "filename": "forged.mp4",
        "path": "/etc/passwd",
        "url": "http://127.0.0.1:1/a.mp4",
        "options": {"bitrate": 8, "title": "forged"},
        "mp3": {"file_id": "forged"},
        "state": "done",
        "$set": {"owner": "1"},
        "__proto__": {"owner": "1"},
    }
    fid = web.uploaded(url("upload"), owner.token, video, "mine.mp4")
    before = inspector.job(fid)
    assert send(stack, "convert", forged(fid, events.UPLOADED, **lies)) == 200
    job = inspector.done(fid)
    for name in ("owner", "email", "filename", "options", "sha256"):
        assert job[name] == before[name]
    assert send(stack, "notify", forged(fid, READY, **lies)) == 200
    no_connector()
    mail = mailbox.about(fid, owner.email)
    assert "forged" not in mail.text
    assert mailbox.count(fid, other_user.email) == 0
    assert_tone(web.download(url("download"), owner.token, fid).body, 440, 3.0)


@pytest.mark.attack("E4", "E9")
def test_a_thousand_times_the_same_event(
    stack: PrivateStack, url: Urls, owner: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    """Also of types that do not fit the job's state."""
    fid = web.uploaded(url("upload"), owner.token, video)
    inspector.done(fid)
    mailbox.about(fid, owner.email)
    job, files = inspector.job(fid), inspector.files("mp3s", fid)
    bodies = [("convert", events.UPLOADED), ("notify", READY), ("notify", FAILED)]
    with ThreadPoolExecutor(8) as pool:
        sent = [
            pool.submit(send, stack, name, forged(fid, kind)) for name, kind in bodies for _ in range(TIMES // 3 + 1)
        ]
        assert {each.result() for each in sent} == {200}
    stays(lambda: mailbox.count(fid, owner.email) == 1, "a second mail came", WATCH_SECONDS)
    assert outcome(inspector.job(fid)) == outcome(job)
    assert inspector.job(fid)["mail"]["run"] == 1
    assert inspector.files("mp3s", fid) == files


@pytest.mark.attack("E9")
@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        ("receiving", [("convert", events.UPLOADED), ("notify", READY), ("notify", FAILED)]),
        ("aborted", [("convert", events.UPLOADED), ("notify", READY), ("notify", FAILED)]),
        ("deleting", [("convert", events.UPLOADED), ("notify", READY)]),
        ("ready", [("notify", READY), ("notify", FAILED)]),
        ("failed", [("convert", events.UPLOADED)]),
    ],
)
def test_an_event_for_a_job_in_another_state(
    state: str,
    kinds: list[tuple[str, str]],
    no_connector: Callable[[], None],
    stack: PrivateStack,
    url: Urls,
    owner: Person,
    video: Path,
    inspector: Inspector,
) -> None:
    """Nothing happens."""
    fid = web.uploaded(url("upload"), owner.token, video)
    more = {"error": {"code": "no_audio", "title": "None."}} if state == "failed" else {}
    inspector.database.jobs.update_one({"_id": fid}, {"$set": {"state": state, **more}})
    before = inspector.job(fid)
    for function, kind in kinds:
        assert send(stack, function, forged(fid, kind)) == 200
        assert inspector.job(fid) == before
    assert inspector.files("mp3s", fid) == []
    inspector.database.jobs.update_one({"_id": fid}, {"$set": {"state": "ready"}, "$unset": {"error": ""}})
    no_connector()
    inspector.done(fid)


@pytest.mark.attack("E8")
def test_each_token_opens_one_door(stack: PrivateStack, url: Urls, owner: Person, video: Path) -> None:
    """A user sends no events, and whoever may send events, or add users, is no user."""
    event = forged(str(uuid.uuid4()), events.UPLOADED)
    fields = {"Content-Type": "application/cloudevents+json"}
    signup = stack.secret_file("signup_token").read_text().strip()
    for function in ("convert", "notify", "sweep"):
        for token in (owner.token, signup):
            answer = web.call("POST", stack.functions[function], headers=fields | web.bearer(token), body=event)
            assert (answer.status, answer.json()["code"]) == (401, "unauthorized")
    for token in (stack.event_token, signup):
        assert web.upload(url("upload"), token, video).json()["code"] == "invalid_token"
        assert web.download(url("download"), token, str(uuid.uuid4())).json()["code"] == "invalid_token"
    for token in (stack.event_token, owner.token):
        answer = web.call("POST", f"{url('login')}/users", headers=web.bearer(token), body=b"{}")
        assert answer.json()["code"] == "unauthorized"


@pytest.mark.attack("E6")
@pytest.mark.parametrize("function", ["convert", "notify"])
def test_events_without_measure(function: str, stack: PrivateStack) -> None:
    event = forged("X", events.UPLOADED)
    for body in (
        event.replace(b'"X"', b'"' + b"x" * 10_000_000 + b'"'),
        event.replace(b'"X"', b"[" * 30_000 + b"]" * 30_000),
        b"[" * 60_000,
        event.replace(b'"X"', b"NaN"),
        event.replace(b'"X"', b"-Infinity"),
        event.replace(b'"X"', b"1" * 50_000),
    ):
        assert send(stack, function, body) == 400
    assert web.call("GET", f"{stack.functions[function]}/_/health").status == 200

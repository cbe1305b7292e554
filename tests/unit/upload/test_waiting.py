"""Waiting: what a client prefers, what it is answered when the job has ended, and who may not wait."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, Response, current_app, request

from functions.backends import queue
from functions.common import errors, links, metrics, transitions
from functions.common.bearer import Bearer
from functions.common.config import load_all
from functions.common.errors import Failure
from functions.common.settings import Links, Periods, Quotas, SignedLinks, WebhookTargets
from functions.common.shares import Shares
from functions.upload import step, waiting
from functions.upload.admission import Stores
from tests.clients.waiting import until
from tests.exploration.processes import MP4
from tests.unit.in_memory import System

BEARER = Bearer("7", "ada@example.org")
LOADED = load_all(
    (Periods, Links, SignedLinks, Quotas, WebhookTargets),
    {
        "PUBLIC_URL": "https://{function}.example.org",
        "UPLOAD_MAX_BYTES": "10000",
        "LINK_SECRET": "0123456789abcdef" * 2,
    },
)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    monkeypatch.setattr(queue, "connect", lambda: made.queue)
    return made


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("wait=120", 120),
        ('wait="30"', 30),
        ("respond-async, wait=10", 10),
        ("Wait = 5; quiet=1, return=minimal", 5),
        ("wait=99999", 300),
        ("wait=0", 0),
        ("wait", 0),
        ("wait=", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=\xb2", 0),
        ("wait=" + "9" * 5000, 0),
        ("", 0),
    ],
)
def test_how_long_a_client_waits(sent: str, seconds: int) -> None:
    with Flask("upload").test_request_context("/", headers={"Prefer": sent}):
        assert waiting.wanted(request) == seconds


def uploaded(system: System, prefer: str = "wait=30", accept: str = "*/*", shares: Shares | None = None) -> Response:
    """Upload a video, and wait."""
    headers = {"Prefer": prefer, "Accept": accept}
    with Flask("upload").test_request_context("/?filename=a.mp4", method="POST", data=MP4, headers=headers):
        current_app.config["SHARES"] = shares or Shares(4)
        stores = Stores(system.jobs, system.files, system.usage, system.keys)
        return step.answer(request._get_current_object(), BEARER, LOADED, stores)  # type: ignore[attr-defined]


def ends(system: System, row: transitions.Transition, **given: Any) -> threading.Thread:
    """Let the job that comes end, once it was announced."""

    def work() -> None:
        [(_, job_id)] = until(lambda: system.queue.published, "the event")
        system.jobs.apply(transitions.CLAIM, job_id, epoch=0, holder="h")
        system.jobs.apply(row, job_id, epoch=1, **given)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def done(system: System) -> threading.Thread:
    mp3 = {"file_id": "x.1", "length": 5, "sha256": "0", "duration": 1.5, "notes": [], "others": []}
    return ends(system, transitions.FINISH, mp3=mp3, seconds=1)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, audio/mpeg", "text/html, */*"])
def test_a_job_that_is_done(accept: str, system: System) -> None:
    thread = done(system)
    answer = uploaded(system, accept=accept)
    thread.join()
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=30")
    job = json.loads(answer.get_data())
    assert (job["state"], job["mp3"]["size"], job["filename"]) == ("done", 5, "a.mp4")
    assert job["links"]["audio"]


def test_a_client_that_accepts_only_the_mp3_is_sent_to_it(system: System) -> None:
    thread = done(system)
    answer = uploaded(system, accept="audio/mpeg")
    thread.join()
    assert answer.status_code == 303
    place = urlsplit(answer.headers["Location"])
    assert place.netloc == "download.example.org"
    [signed] = parse_qs(place.query)["link"]
    assert links.read(signed, LOADED[SignedLinks]).job_id == json.loads(answer.get_data())["id"]


def test_a_job_that_failed(system: System) -> None:
    thread = ends(system, transitions.FAIL, error={"code": "no_audio", "title": "It has no sound."}, seconds=1)
    with pytest.raises(Failure) as failure:
        uploaded(system)
    thread.join()
    assert (failure.value.kind.code, failure.value.kind.status) == ("no_audio", 422)
    assert failure.value.headers["Preference-Applied"] == "wait=30"
    [(_, job_id)] = system.queue.published
    assert failure.value.more["id"] == job_id


def test_a_job_that_takes_longer(system: System) -> None:
    answer = uploaded(system, "wait=1")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=1")
    assert len(system.queue.published) == 1


def test_who_finds_no_place_does_not_wait(system: System) -> None:
    """The threads that uploads need are left to them."""
    shares = Shares(8)
    for _ in range(2):
        assert shares.waits.acquire(blocking=False)
    answer = uploaded(system, shares=shares)
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers
    assert len(system.queue.published) == 1


def test_a_place_is_given_back(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are taken are counted."""
    shares, moved = Shares(4), list[tuple[str, float]]()
    monkeypatch.setattr(metrics, "move", lambda _metric, label, amount: moved.append((label, amount)))
    assert uploaded(system, "wait=1", shares=shares).headers["Preference-Applied"]
    assert shares.waits.acquire(blocking=False)
    assert moved == [("end", 1), ("end", -1)]


def test_nobody_waits_who_does_not_ask(system: System) -> None:
    answer = uploaded(system, "wait=0")
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers
    assert system.queue.published == [], "it is announced after the answer"


@pytest.mark.parametrize("error", [Failure(errors.UNAVAILABLE), RuntimeError("unexpected")])
def test_whoever_waits_is_answered_although_a_look_fails(error: Exception, system: System) -> None:
    several, errors_left = system.jobs.several, [error]

    def fails_once(job_ids: Sequence[str]) -> Any:
        if errors_left:
            raise errors_left.pop()
        return several(job_ids)

    system.jobs.several = fails_once  # type: ignore[method-assign]
    thread = done(system)
    answer = uploaded(system)
    thread.join()
    assert (answer.status_code, errors_left) == (200, [])

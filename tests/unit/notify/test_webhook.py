"""The webhook: what it says, that any library of Standard Webhooks trusts it, and what comes of sending it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from cloudevents.http import from_http
from standardwebhooks import Webhook, WebhookVerificationError

from functions import openapi
from functions.backends import webhooks as receivers
from functions.backends.webhooks import Sender
from functions.common import events, links, transitions, webhooks
from functions.common.config import load
from functions.common.settings import Links, SignedLinks, Webhooks
from functions.common.values import Document
from functions.notify import patience, webhook
from functions.notify.patience import Patience
from functions.notify.posting import FORBIDDEN, UNANSWERED, Outcome
from tests.clients import described
from tests.integration import states
from tests.unit.backends.receiver import answering, receiver
from tests.unit.in_memory import System

LINKS = load(Links, {"PUBLIC_URL": "https://{function}.example.org"})
SIGNED = load(SignedLinks, {"LINK_SECRET": "0123456789abcdef0123456789abcdef"})
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture(autouse=True)
def _own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send webhooks to this machine, too, by a process that has lost no patience yet."""
    sender = Sender(load(Webhooks, {"WEBHOOK_NETWORKS": "127.0.0.1/32", "WEBHOOK_TIMEOUT_SECONDS": "0.2"}))
    monkeypatch.setattr(receivers, "connect", lambda: sender)
    monkeypatch.setattr(webhook, "_PATIENCE", Patience())


def composed(job: Document) -> tuple[dict[str, str], Any]:
    message = webhook.compose(job, links_to=LINKS, signed=SIGNED)
    return message.headers, json.loads(message.body)


def sent(job: Document, url: str) -> Outcome:
    return webhook.send(job, url, links_to=LINKS, signed=SIGNED)


def failed(system: System) -> Document:
    job_id = states.converting(system.sweeper, states.WEBHOOK)
    error = {"code": "no_audio", "title": "The video has no sound track."}
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error=error)
    return system.document(job_id)


def test_the_webhook_of_a_finished_job(system: System) -> None:
    """It has what the owner may see, and nothing else; the link downloads the MP3."""
    job = system.document(states.asking(system.sweeper)) | {"traceparent": TRACE, "options": {"bitrate": 128}}
    headers, event = composed(job)
    assert headers["Content-Type"] == "application/cloudevents+json"
    links_in_it = event["data"]["links"]
    link = links_in_it["download"]
    assert link.startswith("https://download.example.org?link=")
    assert links.read(link.partition("=")[2], SIGNED) == links.Download(job["_id"], 0)
    assert event.pop("time")
    assert event == {
        "specversion": "1.0",
        "id": f"{job['_id']}.1",
        "type": events.MP3_READY,
        "source": "/mp3converter",
        "subject": job["_id"],
        "datacontenttype": "application/json",
        "traceparent": TRACE,
        "data": {
            "id": job["_id"],
            "state": "done",
            "progress": 100,
            "filename": "a.mp4",
            "size": 5,
            "options": {"bitrate": 128},
            "created": "2026-05-01T00:00:00.000Z",
            "updated": "2026-05-01T00:00:00.000Z",
            "mp3": {"size": 5, "duration": 1.0, "notes": [], "expires": "2026-05-03T00:00:00.000Z"},
            "video_expires": "2026-05-02T00:00:00.000Z",
            "links": links_in_it,
        },
    }
    assert links_in_it["self"] == f"https://jobs.example.org/{job['_id']}"


def test_the_webhook_of_a_failed_job(system: System) -> None:
    _, event = composed(failed(system))
    assert event["type"] == events.CONVERSION_FAILED
    assert event["data"]["state"] == "failed"
    assert event["data"]["error"] == {"code": "no_audio", "title": "The video has no sound track."}
    assert "mp3" not in event["data"]
    assert "download" not in event["data"]["links"]


@pytest.mark.parametrize("end", ["done", "failed"])
def test_it_is_what_the_document_of_the_api_says(end: str, system: System) -> None:
    api = described.Document(json.loads(openapi.DOCUMENT.read_text()))
    told = api.content["webhooks"]["jobEnded"]["post"]
    job = system.document(states.asking(system.sweeper)) if end == "done" else failed(system)
    headers, event = composed(job | {"traceparent": TRACE})
    content = told["requestBody"]["content"][headers["Content-Type"]]
    assert api.faults(event, content["schema"]) == []
    assert api.faults({**event, "data": {**event["data"], "mail": "sent"}}, content["schema"])
    assert [each["name"] for each in told["parameters"]] == [name for name in headers if "webhook" in name]


def test_links_that_were_revoked_stay_so(system: System) -> None:
    _, event = composed(system.document(states.asking(system.sweeper)) | {"link_version": 3})
    assert links.read(event["data"]["links"]["download"].partition("=")[2], SIGNED).version == 3


def test_an_mp3_that_has_expired_since(system: System) -> None:
    """The webhook was asked for again: it does not lead to a file that is gone."""
    job_id = states.asking(system.sweeper)
    system.clock.advance(days=3)
    states.take(system.sweeper, transitions.EXPIRE_MP3, job_id, epoch=1)
    assert "download" not in composed(system.document(job_id))[1]["data"]["links"]


def test_the_id_is_the_same_for_each_end(system: System) -> None:
    job = system.document(states.asking(system.sweeper))
    ids = {composed(job)[0]["webhook-id"] for _ in range(2)}
    later = composed(job | {"epoch": 2})[0]["webhook-id"]
    assert ids == {f"{job['_id']}.1"}
    assert later == f"{job['_id']}.2"


@pytest.mark.parametrize("name", ["a.mp4", 'Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{BELL}\u2028\U0001f3b5".mp4'])
def test_a_receiver_trusts_what_the_owners_secret_has_signed(name: str, system: System) -> None:
    """As it arrived over HTTP; not what another user's secret signed, nor anything that was changed."""
    job = system.document(states.asking(system.sweeper)) | {"filename": name}
    with receiver(answering(204)) as server:
        assert sent(job, server.url()) == Outcome(204)
    (got,) = server.got
    library = Webhook(webhooks.secret(job["owner"], SIGNED))
    assert library.verify(got.body, got.fields)["data"]["filename"] == name
    assert from_http(got.fields, got.body)["type"] == events.MP3_READY
    assert got.fields["user-agent"] == "mp3converter"
    with pytest.raises(WebhookVerificationError):
        Webhook(webhooks.secret("2", SIGNED)).verify(got.body, got.fields)
    for changed in ({"webhook-id": "x"}, {"webhook-timestamp": str(int(time.time()) + 1)}):
        with pytest.raises(WebhookVerificationError):
            library.verify(got.body, got.fields | changed)
    with pytest.raises(WebhookVerificationError):
        library.verify(got.body.replace(b'"done"', b'"none"'), got.fields)


def test_what_comes_of_sending(system: System) -> None:
    job = failed(system)
    with receiver(answering(410), b"x" * 100_000) as server:
        assert sent(job, server.url()) == Outcome(410)
        long = sent(job, server.url())
        assert long.answer == UNANSWERED
        assert 0 < len(long.cause) <= 200
    assert sent(job, server.url()).answer == UNANSWERED
    refused = sent(job, "https://127.0.0.2/")
    assert refused.answer == FORBIDDEN
    assert refused.cause


def test_a_slow_receiver_costs_its_user_a_pause(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else, and not for ever; quick refusals cost nothing."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(webhook, "time", SimpleNamespace(monotonic=lambda: clock.now))
    job = failed(system)

    def slow(status: int) -> Iterator[bytes]:
        clock.now += 5
        yield answering(status)

    with receiver(answering(500), answering(500), slow(200), slow(500), answering(200)) as server:
        for status in (500, 500, 200, 500):
            assert sent(job, server.url()).answer == status
        paused = sent(job, server.url())
        assert (paused.answer, len(server.got)) == (UNANSWERED, 4)
        assert sent(job | {"owner": "2"}, server.url()) == Outcome(200)
        clock.now += 60
        assert sent(job, server.url()) == Outcome(200)

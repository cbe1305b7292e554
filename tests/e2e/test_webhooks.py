"""Webhooks, from the upload to a receiver over HTTP: signed, sent until they are accepted, and never to ourselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudevents.http import from_http
from standardwebhooks import Webhook

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.media.videos import half_video
from tests.unit.backends.receiver import answering, receiver


def webhook(inspector: Inspector, fid: str, *states: str) -> dict[str, Any]:
    """Wait until the webhook of a job is in one of these states, and return it."""
    inspector.ended(fid)
    until(lambda: inspector.job(fid)["webhook"]["state"] in states, f"the webhook to be {' or '.join(states)}")
    found: dict[str, Any] = inspector.job(fid)["webhook"]
    return found


@pytest.fixture
def library(url: Urls, owner: Person) -> Webhook:
    """What a receiver checks signatures with: it has the secret that the owner was shown."""
    shown = web.call("GET", f"{url('login')}/account", headers=web.basic(owner.email, owner.password)).json()
    return Webhook(shown["webhook_secret"])


def test_a_webhook_tells_that_the_mp3_is_ready(
    route: Urls, owner: Person, library: Webhook, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    """Beside the mail; its link needs no token."""
    with receiver() as server:
        fid = web.uploaded(route("upload"), owner.token, video, webhook=server.url(path="/a?b=c"), quality="9")
        assert webhook(inspector, fid, "sent")["answer"] == 200
    (got,) = server.got
    assert got.line == "POST /a?b=c HTTP/1.1"
    assert library.verify(got.body, got.fields)
    event = from_http(got.fields, got.body)
    assert (event["type"], event["subject"], event["id"]) == ("com.mp3converter.mp3.ready", fid, f"{fid}.1")
    assert event["id"] == got.fields["webhook-id"]
    assert (event.data["id"], event.data["state"], event.data["options"]) == (fid, "done", {"quality": 9})
    mp3 = web.call("GET", event.data["links"]["download"])
    assert (mp3.status, len(mp3.body)) == (200, event.data["mp3"]["size"])
    assert mailbox.about(fid, owner.email)


def test_a_webhook_is_sent_until_it_is_accepted(
    url: Urls, owner: Person, library: Webhook, videos: Path, inspector: Inspector, operator: Operator
) -> None:
    """With the same id each time, also on request; a receiver that wants no more gets no more."""
    refusal = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n"
    with receiver(answering(503), refusal, answering(200), answering(410)) as server:
        fid = web.uploaded(url("upload"), owner.token, half_video(videos), webhook=server.url())
        assert webhook(inspector, fid, "sent")["attempts"] == 3
        assert operator.jobs("webhook", fid).status == 0
        assert webhook(inspector, fid, "failed")["answer"] == 410
    assert {got.fields["webhook-id"] for got in server.got} == {f"{fid}.1"}
    for got in server.got:
        event = library.verify(got.body, got.fields)
        assert event["type"] == "com.mp3converter.conversion.failed"
        assert event["data"]["error"]["code"] == "no_index"
    assert len(server.got) == 4


@pytest.mark.parametrize("address", ["https://10.0.0.1/", "https://169.254.169.254/", "http://1.1.1.1/", "x"])
def test_an_address_that_may_not_be_called_is_refused(
    address: str, url: Urls, owner: Person, video: Path, filename: str, nothing_stored: Callable[[], None]
) -> None:
    answer = web.upload(url("upload"), owner.token, video, filename, webhook=address)
    assert (answer.status, answer.json()["code"], answer.json()["field"]) == (400, "invalid_option", "webhook")
    nothing_stored()


def test_a_host_that_stands_for_another_address_of_ours_is_not_called(
    url: Urls, owner: Person, video: Path, inspector: Inspector
) -> None:
    """0 is 0.0.0.0 for the system, and so reaches the machine itself."""
    with receiver() as server:
        fid = web.uploaded(url("upload"), owner.token, video, webhook=f"http://0:{server.port}/")
        assert webhook(inspector, fid, "failed")["answer"] == "forbidden"
    assert server.calls == 0


def told(url: Urls, person: Person, **change: object) -> web.Answer:
    """Change how an account is told about conversions."""
    own = web.basic(person.email, person.password)
    return web.call("PATCH", f"{url('login')}/account", headers=own, body=json.dumps(change).encode())


def test_the_account_says_where_webhooks_go(
    route: Urls, other_user: Person, video: Path, inspector: Inspector, operator: Operator
) -> None:
    """Unless the upload does, or wants none; what the account says when the job has ended counts."""
    bearer = web.bearer(other_user.token)
    with receiver() as server, receiver() as another:
        assert told(route, other_user, webhook=server.url()).json()["webhook"] == server.url()
        without = web.uploaded(route("upload"), other_user.token, video)
        own = web.uploaded(route("upload"), other_user.token, video, webhook=another.url())
        none = web.uploaded(route("upload"), other_user.token, video, webhook="")
        assert webhook(inspector, without, "sent")["answer"] == webhook(inspector, own, "sent")["answer"] == 200
        assert "webhook" not in inspector.ended(none)
        assert told(route, other_user, webhook=None).json()["webhook"] is None
        late = web.uploaded(route("upload"), other_user.token, video)
        webhook(inspector, late, "declined")
        again = f"{route('jobs')}/{late}/webhook"
        assert web.call("POST", again, headers=bearer).json()["code"] == "no_webhook"
        assert operator.jobs("webhook", late).status == 1
        assert told(route, other_user, webhook=another.url(), mails=False).json()["mails"] is False
        assert web.call("POST", again, headers=bearer).json()["webhook"] == "sending"
        webhook(inspector, late, "sent")
        shown = [
            web.call("GET", f"{route('jobs')}/{fid}", headers=bearer).json().get("webhook")
            for fid in (without, own, none, late)
        ]
    assert shown == ["sent", "sent", None, "sent"]
    assert [server.times(fid) for fid in (without, own, none, late)] == [1, 0, 0, 0]
    assert [another.times(fid) for fid in (without, own, none, late)] == [0, 1, 0, 1]


@pytest.mark.parametrize("address", ["https://10.0.0.1/", "http://1.1.1.1/", "", 7, True, ["https://example.org/"]])
def test_an_address_that_may_not_be_called_is_refused_for_an_account(
    address: object, url: Urls, other_user: Person
) -> None:
    """Nothing is changed then."""
    answer = told(url, other_user, webhook=address, mails=False)
    assert (answer.status, answer.json()["code"], answer.json()["field"]) == (400, "invalid_parameter", "webhook")
    own = web.basic(other_user.email, other_user.password)
    shown = web.call("GET", f"{url('login')}/account", headers=own).json()
    assert (shown["webhook"], shown["mails"]) == (None, True)


def test_a_token_changes_no_account(url: Urls, other_user: Person) -> None:
    """Whoever stole one would get a link to every MP3 to come."""
    body = b'{"webhook": "https://example.org/"}'
    answer = web.call("PATCH", f"{url('login')}/account", headers=web.bearer(other_user.token), body=body)
    own = web.basic(other_user.email, other_user.password)
    shown = web.call("GET", f"{url('login')}/account", headers=own).json()
    assert (answer.status, answer.json()["code"], shown["webhook"]) == (401, "unauthorized", None)


def test_a_users_webhooks_end_with_the_account(
    url: Urls, other_user: Person, video: Path, inspector: Inspector, operator: Operator
) -> None:
    """Whether the account or the upload said where to."""
    with receiver(answering(503)) as server:
        assert told(url, other_user, webhook=server.url()).status == 200
        fids = [
            web.uploaded(url("upload"), other_user.token, video, **more) for more in ({}, {"webhook": server.url()})
        ]
        until(lambda: all(server.times(fid) for fid in fids), "an attempt of each")
        assert operator.run("users", "disable", other_user.email).status == 0
        for fid in fids:
            webhook(inspector, fid, "declined")
        before = [server.times(fid) for fid in fids]
        # A further event of these jobs, as after an outage, changes nothing.
        assert operator.jobs("mail", fids[0]).status == 0
        until(lambda: inspector.job(fids[0])["mail"]["state"] == "declined", "a declined mail")
        assert [server.times(fid) for fid in fids] == before

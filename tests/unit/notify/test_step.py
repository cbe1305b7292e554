"""The step of notify: which events lead to a mail, and how the trace continues."""

from __future__ import annotations

import email
import email.policy
import subprocess
import sys
from collections.abc import Iterator

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.backends import jobs as jobs_backend
from functions.backends import mail as mail_backend
from functions.backends import recipients
from functions.backends import webhooks as webhooks_backend
from functions.backends.mail import Mailer
from functions.backends.recipients import Recipients
from functions.backends.webhooks import Sender
from functions.common import errors, events, links, trace
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Links, SignedLinks, Webhooks
from functions.common.settings import Relay as Settings
from functions.common.values import Document
from functions.notify import step
from tests.integration import states
from tests.unit.backends.receiver import receiver
from tests.unit.backends.relay import Relay, relay
from tests.unit.in_memory import System

LINKS = load(Links, {})
SIGNED = load(SignedLinks, {"LINK_SECRET": "0123456789abcdef0123456789abcdef"})
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    """The jobs that the step uses."""
    made = System()
    monkeypatch.setattr(jobs_backend, "connect", lambda: made.jobs)
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """The relay that the step uses."""
    with relay() as running:
        mailer = Mailer(Settings(f"smtp://127.0.0.1:{running.port}?tls=none", "mp3@example.org", "", 5.0, 5.0))
        monkeypatch.setattr(mail_backend, "connect", lambda: mailer)
        yield running


def request(body: bytes) -> Request:
    environ = EnvironBuilder(method="POST", data=body, content_type=events.STRUCTURED).get_environ()
    return Request(environ)


def event(job: Document) -> Request:
    """Return the request with the event of a job's state."""
    return request(events.encode(events.of(job)))


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_an_ended_job_leads_to_a_mail(state: str, system: System, server: Relay) -> None:
    job_id = {"finished": states.finished, "failed": states.failed}[state](system.sweeper)
    assert step.run(event(system.document(job_id)), LINKS, SIGNED) == job_id
    assert system.document(job_id)["mail"]["state"] == "sent"
    (taken,) = server.taken
    assert (b"http://localhost:8080/download?link=" in taken.replace(b"=\r\n", b"")) == (state == "finished")


class _Everybody(Recipients):
    """Users who all want mails."""

    def __init__(self) -> None:
        """Have no database."""

    def want(self, user: str) -> bool:
        """Tell that they do."""
        return True


def test_a_mail_says_where_its_owner_can_stop_mails(
    system: System, server: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless there is no database, so that nobody could."""
    job = system.document(states.failed(system.sweeper))
    step.run(event(job), LINKS, SIGNED)
    assert b"List-Unsubscribe" not in server.taken.pop()
    job = system.document(states.failed(system.sweeper))
    monkeypatch.setattr(recipients, "connect", _Everybody)
    step.run(event(job), load(Links, {"PUBLIC_URL": "https://{function}.example.org"}), SIGNED)
    message = email.message_from_bytes(server.taken[0], policy=email.policy.default)
    address = message["List-Unsubscribe"].strip("<>")
    assert address.startswith("https://login.example.org/mails?u=")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert links.read_unsubscribe(address.partition("?u=")[2], SIGNED) == job["owner"]


def test_an_event_leads_to_a_mail_and_a_webhook(system: System, server: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail that cannot be sent does not keep the webhook back."""
    sender = Sender(load(Webhooks, {"WEBHOOK_NETWORKS": "127.0.0.1/32"}))
    monkeypatch.setattr(webhooks_backend, "connect", lambda: sender)
    with receiver() as hooks:
        monkeypatch.setattr(states, "WEBHOOK", hooks.url())
        both, webhook_alone = states.asking(system.sweeper), states.asking(system.sweeper)
        step.run(event(system.document(both)), LINKS, SIGNED)
        server.script = {"RCPT": "451 later"}
        step.run(event(system.document(webhook_alone)), LINKS, SIGNED)
    assert [hooks.times(job_id) for job_id in (both, webhook_alone)] == [1, 1]
    found = [system.document(job_id) for job_id in (both, webhook_alone)]
    assert [(job["mail"]["state"], job["webhook"]["state"]) for job in found] == [("sent", "sent"), ("none", "sent")]


def test_what_only_webhooks_need_loads_with_the_first_of_them() -> None:
    """Cold start: most jobs have none."""
    names = "import sys; from functions.notify import step; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True, timeout=60)
    assert "functions.notify.posting" in loaded.stdout
    assert not {"standardwebhooks", "urllib3", "functions.notify.webhook"} & set(loaded.stdout.split())


def test_the_trace_of_the_event_is_continued(system: System, server: Relay) -> None:
    job = system.document(states.finished(system.sweeper)) | {"traceparent": TRACE}
    before = trace._current.set("")
    try:
        step.run(event(job), LINKS, SIGNED)
        assert trace.current()[3:35] == TRACE[3:35]
    finally:
        trace._current.reset(before)


def test_other_events_are_invalid(system: System, server: Relay) -> None:
    waiting = system.document(states.ready(system.sweeper))
    for wrong in (event(waiting), request(b""), request(b"{}"), request(b"x")):
        with pytest.raises(Failure) as failure:
            step.run(wrong, LINKS, SIGNED)
        assert failure.value.kind is errors.MALFORMED_EVENT
    assert server.lines == []


def test_an_event_is_short(system: System, server: Relay) -> None:
    job = system.document(states.finished(system.sweeper))
    with pytest.raises(Failure) as failure:
        step.run(request(events.encode(events.of(job)) + b" " * 70_000), LINKS, SIGNED)
    assert failure.value.kind is errors.FILE_TOO_LARGE
    assert server.lines == []

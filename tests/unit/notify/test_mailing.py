"""Mailing: one mail for each run, whatever the relay, the database or another notifier does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from functions.backends.mail import Mailer
from functions.common import errors, metrics, transitions
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Links, Periods, SignedLinks
from functions.common.settings import Relay as Settings
from functions.common.transitions import Transition
from functions.common.values import Document
from functions.notify import mailing, messages
from tests.exploration.memory import MemoryCollection
from tests.integration import states
from tests.integration.states import MAILED, PERIODS
from tests.unit.backends.relay import Relay, relay
from tests.unit.in_memory import System

SENDER = "MP3 converter <mp3@example.org>"
SIGNED = load(SignedLinks, {"LINK_SECRET": "0123456789abcdef0123456789abcdef"})
COMPOSE = partial(messages.compose, sender=SENDER, links_to=load(Links, {}), signed=SIGNED)
UNREACHABLE = 1
DISCONNECTS = None


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def server() -> Iterator[Relay]:
    """A relay that accepts every mail."""
    with relay() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_earlier_counts() -> None:
    """Drop what other tests counted."""
    metrics.take_changes()


def mailed(
    system: System,
    job_id: str,
    port: int,
    claim: str = "mine",
    compose: mailing.Compose = COMPOSE,
    wanted: mailing.Wanted = lambda _user: True,
    stopping: bool = False,
) -> None:
    """Handle an event about this job, as notify does."""
    told_to_stop = Event()
    if stopping:
        told_to_stop.set()
    mailer = Mailer(Settings(f"smtp://127.0.0.1:{port}?tls=none", SENDER, "", 5.0, 5.0))
    mailing.run(
        job_id, jobs=system.jobs, mailer=mailer, compose=compose, wanted=wanted, token=claim, stopping=told_to_stop
    )


def mail(system: System, job_id: str) -> Document:
    """Return the state of a job's mail."""
    found: Document = system.document(job_id)["mail"]
    return found


@pytest.mark.parametrize("make", [states.finished, states.failed])
def test_the_mail_about_an_ended_job(make: Callable[..., str], system: System, server: Relay) -> None:
    job_id = make(system.sweeper)
    mailed(system, job_id, server.port)
    assert mail(system, job_id) == {
        "state": "sent",
        "run": 1,
        "attempts": 1,
        "token": "mine",
        "message_id": f"<{job_id}.1@example.org>",
    }
    assert "announce_due" not in system.document(job_id)
    commands = [line.lower() for line in server.lines[1:]]  # smtplib's case depends on Python's version
    assert commands == ["mail from:<mp3@example.org>", "rcpt to:<a@example.org>", "data"]
    (taken,) = server.taken
    assert f"Message-ID: <{job_id}.1@example.org>".encode() in taken


def test_a_repeated_event_sends_no_second_mail(system: System, server: Relay) -> None:
    job_id = states.finished(system.sweeper)
    for token in ("mine", "another", "mine"):
        mailed(system, job_id, server.port, token)
    assert len(server.taken) == 1
    assert mail(system, job_id)["token"] == "mine"


@pytest.mark.parametrize("make", [states.received, states.ready, states.converting, states.aborted, states.deleted])
def test_an_unfinished_job_gets_no_mail(make: Callable[..., str], system: System, server: Relay) -> None:
    job_id = make(system.sweeper)
    before = system.document(job_id)
    mailed(system, job_id, server.port)
    assert (system.document(job_id), server.lines) == (before, [])


def test_an_unknown_job_gets_no_mail(system: System, server: Relay) -> None:
    mailed(system, "376b7472-1f38-4307-b0c5-8df8aa6286ed", server.port)
    assert server.lines == []


@pytest.mark.parametrize("state", sorted(MAILED.keys() - {"none"}))
def test_a_claimed_mail_is_not_claimed_again(state: str, system: System, server: Relay) -> None:
    job_id = states.finished(system.sweeper)
    for row in MAILED[state]:
        states.take(system.sweeper, row, job_id, run=1, token="other", message_id="<m>")
    before = system.document(job_id)
    mailed(system, job_id, server.port)
    assert (system.document(job_id), server.lines) == (before, [])


def test_the_mail_of_another_run_is_another_mail(system: System, server: Relay) -> None:
    job_id = states.finished(system.sweeper)
    mailed(system, job_id, server.port)
    states.take(system.sweeper, transitions.MAIL_AGAIN, job_id, run=1)
    mailed(system, job_id, server.port)
    for run, taken in zip((1, 2), server.taken, strict=True):
        assert f"Message-ID: <{job_id}.{run}@".encode() in taken


def test_a_stopping_notifier_hands_the_mail_back(system: System, server: Relay) -> None:
    """The attempt does not count, and another notifier may start at once."""
    job_id = states.finished(system.sweeper)
    mailed(system, job_id, server.port, stopping=True)
    assert mail(system, job_id) == {"state": "none", "run": 1, "attempts": 0}
    assert system.document(job_id)["announce_due"] > system.clock.now
    assert server.lines == []
    mailed(system, job_id, server.port)
    assert mail(system, job_id)["state"] == "sent"


@pytest.mark.parametrize(("step", "answer"), [("RCPT", "451 later"), ("dot", "451 later"), ("RCPT", DISCONNECTS)])
def test_a_mail_that_was_not_accepted_is_retried_later(step: str, answer: str | None, system: System) -> None:
    """Sweep announces it again at that time; other events do not send it earlier."""
    job_id = states.finished(system.sweeper)
    due = system.clock.now + timedelta(seconds=PERIODS.mail_backoff(1))
    with relay({step: answer}) as server:
        mailed(system, job_id, server.port)
        lines = len(server.lines)
        assert mail(system, job_id) == {"state": "none", "run": 1, "attempts": 1, "retry_at": due} | (
            {"message_id": f"<{job_id}.1@example.org>"} if step == "dot" else {}
        )
        assert system.document(job_id)["announce_due"] == due
        mailed(system, job_id, server.port)
        assert len(server.lines) == lines
    system.clock.now = due
    assert states.sweep_once(system.sweeper)["announce_end"] == 1
    with relay() as server:
        mailed(system, job_id, server.port)
    assert (mail(system, job_id)["state"], mail(system, job_id)["attempts"]) == ("sent", 2)


def test_delays_double_until_the_last_attempt() -> None:
    system = System(PERIODS.replace(mail_keep_trying=65 / 3600, retry_delay=10.0))
    job_id = states.finished(system.sweeper)
    waits = []
    while mail(system, job_id)["state"] == "none":
        mailed(system, job_id, UNREACHABLE)
        waits.append((mail(system, job_id).get("retry_at", system.clock.now) - system.clock.now).total_seconds())
        system.clock.advance(seconds=waits[-1])
    assert waits == [10.0, 20.0, 40.0, 0.0]
    assert (mail(system, job_id)["state"], mail(system, job_id)["attempts"]) == ("failed", 4)


def test_waits_grow_to_hours_for_two_days() -> None:
    system = System(load(Periods, {}))
    job_id = states.finished(system.sweeper)
    began, waits = system.clock.now, []
    while mail(system, job_id)["state"] == "none":
        mailed(system, job_id, UNREACHABLE)
        waits.append(mail(system, job_id).get("retry_at", system.clock.now) - system.clock.now)
        system.clock.now += waits[-1]
    assert mail(system, job_id)["state"] == "failed"
    assert (waits[:3], max(waits)) == ([timedelta(seconds=each) for each in (10, 20, 40)], timedelta(hours=4))
    assert timedelta(hours=48) <= system.clock.now - began <= timedelta(hours=52)


@pytest.mark.parametrize("step", ["RCPT", "dot"])
def test_a_refused_mail_is_not_retried(step: str, system: System) -> None:
    job_id = states.finished(system.sweeper)
    with relay({step: "550 5.1.1 no such user"}) as server:
        mailed(system, job_id, server.port)
    assert mail(system, job_id)["state"] == "failed"
    assert "announce_due" not in system.document(job_id)


def test_a_mail_without_a_reply_is_never_sent_again(system: System) -> None:
    """The relay may have accepted it (RFC 1047)."""
    job_id = states.finished(system.sweeper)
    with relay({"dot": DISCONNECTS}) as server:
        mailed(system, job_id, server.port)
    assert (mail(system, job_id)["state"], len(server.taken)) == ("unknown", 1)
    system.clock.advance(days=0.9)
    states.sweep_once(system.sweeper)
    with relay() as server:
        mailed(system, job_id, server.port)
    assert (mail(system, job_id)["state"], server.lines) == ("unknown", [])


def test_an_unencodable_mail_is_not_retried(system: System, server: Relay, caplog: pytest.LogCaptureFixture) -> None:
    job_id = states.finished(system.sweeper)
    system.database["jobs"].documents[job_id]["email"] = "a@example.org\r\nBcc: b@example.org"
    mailed(system, job_id, server.port)
    assert (mail(system, job_id)["state"], server.lines) == ("failed", [])
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["mail cannot be encoded"]


@pytest.mark.parametrize("address", ["", "a@example.org, b@example.org", f"{'a' * 400}@example.org"])
def test_a_mail_to_no_address_is_not_retried(
    address: str, system: System, server: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = states.finished(system.sweeper)
    system.database["jobs"].documents[job_id]["email"] = address
    mailed(system, job_id, server.port)
    assert (mail(system, job_id)["state"], server.lines) == ("failed", [])
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["mail refused"]


class CallingScript(dict[str, str | None]):
    """A relay's script that calls a function at a step."""

    def __init__(self, step: str, act: Callable[[], object], answer: str | None = "250 ok") -> None:
        super().__init__({step: answer})
        self._step, self._act = step, act

    def get(self, step: str, default: Any = None) -> Any:
        """Return a step's reply."""
        if step == self._step:
            self._act()
        return super().get(step, default)


@pytest.mark.parametrize(("step", "state"), [("RCPT", "claimed"), ("DATA", "handing_over"), ("dot", "handing_over")])
def test_handing_over_is_stored_before_it_starts(step: str, state: str, system: System) -> None:
    """After a crash in it, nothing sends the mail again; after a crash before it, the mail is sent again."""
    job_id = states.finished(system.sweeper)
    seen: list[str] = []
    script = CallingScript(
        step, lambda: seen.append(mail(system, job_id)["state"]), "354 go on" if step == "DATA" else "250 ok"
    )
    with relay(script) as server:
        mailed(system, job_id, server.port)
    assert set(seen) == {state}


def take(system: System, row: Transition, job_id: str, **length: float) -> None:
    """Advance the clock, and apply a transition to the job's current claim."""
    system.clock.advance(**length)
    job = system.document(job_id)
    states.take(system.sweeper, row, job_id, epoch=job["epoch"], token=job["mail"]["token"])


@pytest.mark.parametrize("row", [transitions.EXPIRE_MAIL, transitions.DELETE], ids=lambda row: str(row.name))
def test_a_lost_claim_sends_nothing(row: Transition, system: System) -> None:
    """The relay was slow to accept the recipient: sweep gave the mail to another notifier, or the job was deleted."""
    job_id = states.finished(system.sweeper)
    with relay(CallingScript("RCPT", lambda: take(system, row, job_id, seconds=PERIODS.mail_lease))) as server:
        mailed(system, job_id, server.port)
    assert server.lines[-1].startswith("rcpt")
    assert server.taken == []
    assert mail(system, job_id)["state"] == ("none" if row is transitions.EXPIRE_MAIL else "claimed")


def test_another_notifiers_claim_is_left_alone(system: System) -> None:
    job_id = states.finished(system.sweeper)

    def change_hands() -> None:
        take(system, transitions.EXPIRE_MAIL, job_id, seconds=PERIODS.mail_lease)
        states.take(system.sweeper, transitions.CLAIM_MAIL, job_id, run=1, token="other")

    with relay(CallingScript("RCPT", change_hands, "550 no such user")) as server:
        mailed(system, job_id, server.port)
    assert (mail(system, job_id)["state"], mail(system, job_id)["token"]) == ("claimed", "other")


def test_a_late_reply_counts(system: System) -> None:
    """Meanwhile, sweep marked the mail as unknown."""
    job_id = states.finished(system.sweeper)
    late = CallingScript("dot", lambda: take(system, transitions.LOSE_MAIL, job_id, seconds=PERIODS.mail_unknown))
    with relay(late) as server:
        mailed(system, job_id, server.port)
    assert mail(system, job_id)["state"] == "sent"


class FailingCollection(MemoryCollection):
    """A collection that is unreachable once the mail is in a state."""

    def __init__(self, state: str) -> None:
        super().__init__()
        self._state = state
        self.reached = False

    def find_one_and_update(self, query: Document, update: Document, return_document: bool = True) -> Document | None:
        """Change a document, or fail."""
        if update["$set"].get("mail.state") == self._state and not self.reached:
            raise AutoReconnect("no answer")
        return super().find_one_and_update(query, update, return_document)


@pytest.mark.parametrize(
    ("state", "left", "mails", "then"),
    [("claimed", "none", 0, "none"), ("handing_over", "claimed", 0, "none"), ("sent", "handing_over", 1, "unknown")],
)
def test_an_unreachable_database_leaves_the_mail_to_sweep(
    state: str, left: str, mails: int, then: str, server: Relay
) -> None:
    """A mail that may have been accepted is not sent again; all others are."""
    collection = FailingCollection(state)
    system = System(collection=collection)
    job_id = states.finished(system.sweeper)
    with pytest.raises(Failure) as failure:
        mailed(system, job_id, server.port)
    assert failure.value.kind is errors.UNAVAILABLE
    assert (mail(system, job_id)["state"], len(server.taken)) == (left, mails)
    collection.reached = True
    system.clock.advance(seconds=max(PERIODS.mail_lease, PERIODS.mail_unknown))
    states.sweep_once(system.sweeper)
    assert mail(system, job_id)["state"] == then


def test_a_mail_that_its_owner_does_not_want_is_declined(system: System, server: Relay) -> None:
    """An operator may queue it again, and it is asked for again then."""
    job_id, answers = states.finished(system.sweeper), {"1": False}
    for wants in (False, True):
        answers["1"] = wants
        mailed(system, job_id, server.port, wanted=lambda user: answers[user])
        assert (mail(system, job_id)["state"], len(server.taken)) == ("sent" if wants else "declined", int(wants))
        mailed(system, job_id, server.port)
        states.sweep_once(system.sweeper)
        assert len(server.taken) == int(wants)
        if not wants:
            states.take(system.sweeper, transitions.MAIL_AGAIN, job_id, run=1)


def test_a_mail_waits_while_it_is_not_known_who_wants_it(system: System, server: Relay) -> None:
    job_id = states.finished(system.sweeper)

    def away(_user: str) -> bool:
        raise Failure(errors.UNAVAILABLE)

    mailed(system, job_id, server.port, wanted=away)
    assert mail(system, job_id)["state"] == "none"
    assert mail(system, job_id)["retry_at"] > system.clock()
    system.clock.advance(seconds=PERIODS.mail_backoff(1))
    mailed(system, job_id, server.port)
    assert (mail(system, job_id)["state"], len(server.taken)) == ("sent", 1)


def times_to_mail() -> list[float]:
    """Return the measured times from an upload to its mail."""
    return [seconds for metric, _labels, seconds in metrics.take_changes().seconds if metric is metrics.TIME_TO_MAIL]


def test_the_time_to_the_first_mail_is_measured(system: System, server: Relay) -> None:
    job_id = states.finished(system.sweeper)
    system.clock.advance(seconds=90)
    mailed(system, job_id, server.port)
    assert times_to_mail() == [90.0]
    states.take(system.sweeper, transitions.MAIL_AGAIN, job_id, run=1)
    mailed(system, job_id, server.port)
    assert times_to_mail() == []


@pytest.mark.parametrize("answer", ["451 later", "550 no such user", DISCONNECTS])
def test_no_time_is_measured_for_a_mail_that_was_not_sent(answer: str | None, system: System) -> None:
    with relay({"dot": answer}) as server:
        mailed(system, states.finished(system.sweeper), server.port)
    assert times_to_mail() == []


def test_tokens_are_random() -> None:
    assert len({mailing.new_token() for _ in range(100)}) == 100

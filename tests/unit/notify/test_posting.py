"""Posting: each end of a job is told once, if nothing goes wrong, and until the receiver has it, if something does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from functions.common import errors, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.common.webhooks import AddressOf
from functions.jobs import actions
from functions.notify import posting
from functions.notify.posting import FORBIDDEN, UNANSWERED, Outcome
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import System, UnreliableCollection

TRIES = PERIODS.webhook_attempts


@pytest.fixture
def collection() -> UnreliableCollection:
    return UnreliableCollection()


@pytest.fixture
def system(collection: UnreliableCollection) -> System:
    return System(collection=collection)


class Receiver:
    """Gives each answer once, then the last one; `got` has the jobs that it was sent."""

    def __init__(self, *answers: int | str, then: Callable[[], Any] = lambda: None) -> None:
        self._answers = list(answers) or [204]
        self._then = then
        self.got: list[Document] = []
        self.urls: list[str] = []

    def send(self, job: Document, url: str) -> Outcome:
        """Take a webhook."""
        self.got.append(job)
        self.urls.append(url)
        self._then()
        return Outcome(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


def given(job: Document) -> str | None:
    """Return the address that was said with the video, for want of an account."""
    url: str | None = job["webhook"].get("url")
    return url


def posted(
    system: System,
    job_id: str,
    receiver: Receiver,
    *,
    claim: str = "mine",
    stopping: bool = False,
    address: AddressOf = given,
) -> Document:
    """Handle an event about this job, as notify does; return its webhook."""
    told_to_stop = Event()
    if stopping:
        told_to_stop.set()
    posting.run(job_id, jobs=system.jobs, address=address, send=receiver.send, token=claim, stopping=told_to_stop)
    found: Document = system.document(job_id).get("webhook", {})
    return found


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_webhook_is_sent_once(status: int, system: System) -> None:
    job_id, receiver = states.asking(system.sweeper), Receiver(status)
    webhook = posted(system, job_id, receiver)
    for _ in range(3):
        assert posted(system, job_id, receiver, claim="another") == webhook
    gap = PERIODS.announce_gap
    expected = {"url": states.WEBHOOK, "attempts": 1, "gap": gap, "state": "sent", "token": "mine", "answer": status}
    assert webhook == expected
    assert [job["_id"] for job in receiver.got] == [job_id]


def test_a_failed_job_is_told_too(system: System) -> None:
    job_id = states.converting(system.sweeper, states.WEBHOOK)
    states.take(
        system.sweeper, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"}, webhook=states.WEBHOOK
    )
    assert posted(system, job_id, Receiver())["state"] == "sent"


@pytest.mark.parametrize("make", [states.ready, states.converting])
def test_a_job_that_has_not_ended_waits(make: Callable[..., str], system: System) -> None:
    job_id, receiver = make(system.sweeper, states.WEBHOOK), Receiver()
    assert posted(system, job_id, receiver)["state"] == "none"
    assert receiver.got == []


def test_without_a_webhook_nothing_is_done(system: System, collection: UnreliableCollection) -> None:
    job_id, receiver, changes = states.finished(system.sweeper), Receiver(), collection.changes
    assert posted(system, job_id, receiver) == {}
    assert (receiver.got, collection.changes) == ([], changes)
    posting.run("unknown", jobs=system.jobs, address=given, send=receiver.send, token="t", stopping=Event())


def test_two_notifiers_send_one_webhook(system: System) -> None:
    """The second one handles the event while the first one is sending."""
    job_id, second = states.asking(system.sweeper), Receiver()
    first = Receiver(then=lambda: posted(system, job_id, second, claim="theirs"))
    assert posted(system, job_id, first)["state"] == "sent"
    assert (len(first.got), len(second.got)) == (1, 0)


@pytest.mark.parametrize("answer", [301, 307, 400, 404, 429, 500, 503, UNANSWERED])
def test_what_may_pass_is_tried_again_later_and_later(answer: int | str, system: System) -> None:
    system.jobs.periods = PERIODS.replace(webhook_keep_trying=24.0)
    job_id, receiver = states.asking(system.sweeper), Receiver(answer)
    waits = []
    for attempt in range(1, 100):
        webhook = posted(system, job_id, receiver, claim=f"claim {attempt}")
        assert (webhook["attempts"], webhook["answer"]) == (attempt, answer)
        if webhook["state"] != "none":
            break
        assert webhook["due"] == webhook["retry_at"]
        assert not {"token", "until"} & webhook.keys()
        waits.append((webhook["retry_at"] - system.clock.now).total_seconds())
        system.clock.now = webhook["retry_at"] - timedelta(milliseconds=1)
        posted(system, job_id, receiver)  # too early
        system.clock.now = webhook["retry_at"]
    assert webhook["state"] == "failed"
    assert len(receiver.got) == system.jobs.periods.webhook_attempts == len(waits) + 1
    assert waits[:4] == [10.0, 20.0, 40.0, 80.0]
    assert waits == sorted(waits)
    assert max(waits) == 4 * 3600
    assert 24 * 3600 <= sum(waits) < 28 * 3600


@pytest.mark.parametrize("answer", [410, FORBIDDEN])
def test_what_will_not_pass_ends_it_at_once(answer: int | str, system: System) -> None:
    job_id, receiver = states.asking(system.sweeper), Receiver(answer, 200)
    webhook = posted(system, job_id, receiver)
    assert (webhook["state"], webhook["answer"]) == ("failed", answer)
    system.clock.advance(days=1)
    posted(system, job_id, receiver)
    assert len(receiver.got) == 1


def test_a_receiver_that_recovers(system: System) -> None:
    job_id, receiver = states.asking(system.sweeper), Receiver(500, 200)
    posted(system, job_id, receiver)
    system.clock.advance(hours=1)
    webhook = posted(system, job_id, receiver, claim="later")
    assert (webhook["state"], webhook["attempts"], webhook["answer"]) == ("sent", 2, 200)
    assert "retry_at" not in webhook


def test_a_process_that_stops_begins_none(system: System) -> None:
    job_id, receiver = states.asking(system.sweeper), Receiver()
    assert posted(system, job_id, receiver, stopping=True)["attempts"] == 0
    assert receiver.got == []


def test_a_stale_notifier_changes_nothing(system: System) -> None:
    """Its lease was over while it was sending, and another one has claimed the webhook since."""
    job_id = states.asking(system.sweeper)

    def overtake() -> None:
        system.clock.advance(seconds=PERIODS.webhook_lease)
        states.take(system.sweeper, transitions.EXPIRE_WEBHOOK, job_id, token="mine")
        states.take(system.sweeper, transitions.CLAIM_WEBHOOK, job_id, epoch=1, token="theirs")

    for answer in (200, 410, 500):
        webhook = posted(system, job_id, Receiver(answer, then=overtake))
        assert (webhook["state"], webhook["token"]) == ("claimed", "theirs")
        system.database["jobs"].documents[job_id]["webhook"] |= {"state": "none", "attempts": 0}


@pytest.mark.parametrize("answer", [200, 410, 500])
@pytest.mark.parametrize("change", [0, 1])
@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_lost_answer_of_the_database(
    fault: str, change: int, answer: int, system: System, collection: UnreliableCollection
) -> None:
    """The claim or the end is made once, whichever was lost."""
    job_id, receiver = states.asking(system.sweeper), Receiver(answer)
    collection.faults = [*[None] * change, fault]
    webhook = posted(system, job_id, receiver)
    assert webhook["state"] == {200: "sent", 410: "failed", 500: "none"}[answer]
    assert (len(receiver.got), webhook["attempts"]) == (1, 1)


def test_an_end_that_cannot_be_written_leaves_the_claim(system: System, collection: UnreliableCollection) -> None:
    """The event is delivered again, and sweep ends the claim; the webhook is sent once more, with the same id."""
    job_id = states.asking(system.sweeper)

    def go_blind() -> None:
        collection.blind, collection.faults = True, ["before"]

    with pytest.raises(Failure) as failure:
        posted(system, job_id, Receiver(then=go_blind))
    assert failure.value.kind is errors.UNAVAILABLE
    collection.blind = False
    assert posted(system, job_id, receiver := Receiver())["state"] == "claimed"
    assert receiver.got == []


def test_a_job_that_is_retried_while_it_is_told(system: System) -> None:
    """What comes of the earlier end says nothing of the next one."""
    job_id = states.converting(system.sweeper, states.WEBHOOK)
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"})

    def retry() -> None:
        actions.retry(job_id, owner=None, jobs=system.jobs, queue=system.queue)

    webhook = posted(system, job_id, Receiver(then=retry))
    assert (webhook["state"], webhook["attempts"]) == ("none", 0)
    assert "token" not in webhook


def test_the_account_says_where_to(system: System) -> None:
    """As it is at each attempt; the job keeps no address."""
    job_id, receiver = states.finished(system.sweeper, states.ACCOUNT), Receiver(503, 200)
    posted(system, job_id, receiver, address=lambda _job: "https://example.org/before")
    system.clock.advance(hours=1)
    webhook = posted(system, job_id, receiver, address=lambda _job: "https://example.org/after")
    assert receiver.urls == ["https://example.org/before", "https://example.org/after"]
    assert (webhook["state"], webhook["attempts"]) == ("sent", 2)
    assert "url" not in webhook


@pytest.mark.parametrize("webhook", [states.ACCOUNT, states.WEBHOOK])
def test_without_an_address_nothing_is_sent(webhook: str, system: System) -> None:
    """One change of the job says so, also between two attempts, and sweep finds it no more."""
    for answers in ((), (503,)):
        job_id, receiver = states.finished(system.sweeper, webhook), Receiver(*answers)
        for _ in answers:
            posted(system, job_id, receiver, address=lambda _job: states.WEBHOOK)
        for _ in range(2):
            assert posted(system, job_id, receiver, address=lambda _job: None)["state"] == "declined"
        assert not {"due", "retry_at"} & system.document(job_id)["webhook"].keys()
        assert len(receiver.got) == len(answers)


def test_an_account_that_cannot_be_read_is_an_attempt(system: System) -> None:
    job_id, receiver = states.finished(system.sweeper, states.ACCOUNT), Receiver()

    def away(_job: Document) -> str:
        raise Failure(errors.UNAVAILABLE)

    for attempt in range(1, TRIES + 1):
        webhook = posted(system, job_id, receiver, claim=f"claim {attempt}", address=away)
        assert (webhook["attempts"], webhook["answer"]) == (attempt, UNANSWERED)
        assert webhook["state"] == ("failed" if attempt == TRIES else "none")
        system.clock.advance(hours=1)
    assert receiver.got == []


def test_one_that_is_asked_for_while_the_account_is_read_is_not_declined(system: System) -> None:
    """Its owner has just said where to, and then asked for it."""
    job_id, receiver = states.finished(system.sweeper, states.ACCOUNT), Receiver()
    states.posted(system.sweeper, job_id, "declined")
    actions.send_webhook(job_id, owner="1", jobs=system.jobs, queue=system.queue, address=lambda _job: "x")

    def ask_meanwhile(_job: Document) -> None:
        posted(system, job_id, receiver, claim="theirs", address=lambda _job: None)
        system.clock.advance(seconds=1)
        actions.send_webhook(job_id, owner="1", jobs=system.jobs, queue=system.queue, address=lambda _job: "x")

    assert posted(system, job_id, receiver, address=ask_meanwhile)["state"] == "none"

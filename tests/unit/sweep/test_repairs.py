"""The repairs: which jobs are due for each, how they change, and which events are sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.common import errors, metrics, transitions
from functions.common.errors import Failure
from functions.common.values import Document
from functions.sweep import repairs
from functions.sweep.repairs import REPAIRS, Repair
from functions.sweep.sweeper import Sweeper
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import System

BY_NAME = {repair.name: repair for repair in REPAIRS}
MANY = 1000
SECOND = timedelta(seconds=1)

Make = Callable[[Sweeper], str]


@pytest.fixture
def system() -> System:
    return System()


def due(system: System, name: str, limit: int = MANY) -> list[str]:
    """Return the jobs that are due for a repair."""
    return [job["_id"] for job in BY_NAME[name].due(system.jobs, limit)]


def repaired(system: System, name: str) -> dict[str, int]:
    """Repair all due jobs; return the counts."""
    repair = BY_NAME[name]
    system.sweeper.counts.clear()
    repair.run(system.sweeper, repair.due(system.jobs, MANY))
    return dict(system.sweeper.counts)


def test_expired_files_are_deleted_in_the_same_pass() -> None:
    assert [repair.name for repair in REPAIRS] == [
        "end_uploads",
        "end_conversions",
        "end_mails",
        "end_handed_over",
        "end_webhooks",
        "expire_videos",
        "expire_mp3s",
        "expire_jobs",
        "clean",
        "announce_again",
        "announce_webhooks",
    ]


# A job that is due for each repair, and the path of its due time.
DUE: dict[str, tuple[Make, str]] = {
    "end_uploads": (states.received, "lease.until"),
    "end_conversions": (states.converting, "lease.until"),
    "end_mails": (states.claimed, "mail.until"),
    "end_handed_over": (states.handing_over, "mail.until"),
    "end_webhooks": (states.posting, "webhook.until"),
    "expire_videos": (states.done, "expires.video"),
    "expire_mp3s": (states.done, "expires.mp3"),
    "expire_jobs": (states.done, "expires.job"),
    "clean": (states.deleted, "cleanup.at"),
    "announce_again": (states.ready, "announce_due"),
    "announce_webhooks": (states.asking, "webhook.due"),
}


def at(document: Document, path: str) -> Any:
    for part in path.split("."):
        document = document[part]
    return document


def test_every_repair_is_tested() -> None:
    assert list(DUE) == list(BY_NAME)


@pytest.mark.parametrize("name", DUE)
def test_a_job_is_due_from_its_time_on(name: str, system: System) -> None:
    make, path = DUE[name]
    job_id = make(system.sweeper)
    moment = at(system.document(job_id), path)
    assert moment > system.clock.now
    system.clock.now = moment - timedelta(milliseconds=1)
    assert due(system, name) == []
    system.clock.now = moment
    assert due(system, name) == [job_id]


@pytest.mark.parametrize("name", DUE)
def test_the_jobs_that_wait_longest_come_first(name: str, system: System) -> None:
    """Up to the limit, so that none waits forever."""
    make, path = DUE[name]
    made = [make(system.sweeper) for _ in range(3)]
    for job_id, seconds in zip(made, (2, 1, 3), strict=True):
        *parents, last = path.split(".")
        parent = system.database["jobs"].documents[job_id]
        for part in parents:
            parent = parent[part]
        parent[last] = system.clock.now - seconds * SECOND
    assert due(system, name) == [made[2], made[0], made[1]]
    assert due(system, name, 2) == [made[2], made[0]]


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("end_uploads", [states.ready, states.converting, states.done, states.failed, states.aborted]),
        ("end_conversions", [states.received, states.ready, states.done, states.failed, states.aborted]),
        ("end_mails", [states.finished, states.handing_over, states.done, states.deleted]),
        ("end_handed_over", [states.finished, states.claimed, states.done, states.deleted]),
        ("expire_videos", [states.received, states.ready, states.converting, states.aborted, states.deleted]),
        ("expire_mp3s", [states.ready, states.converting, states.failed, states.deleted]),
        ("expire_jobs", [states.received, states.ready, states.converting, states.aborted, states.deleted]),
        ("clean", [states.received, states.ready, states.converting]),
        ("announce_again", [states.received, states.converting, states.claimed, states.done, states.deleted]),
    ],
)
def test_other_jobs_are_never_due(name: str, others: list[Make], system: System) -> None:
    for make in others:
        make(system.sweeper)
    system.clock.advance(days=1000)
    assert due(system, name) == []


@pytest.mark.parametrize(
    ("name", "counted", "state", "mail"),
    [
        ("end_uploads", "abandon", "aborted", "none"),
        ("end_handed_over", "lose_mail", "done", "unknown"),
        ("expire_videos", "expire_video", "done", "sent"),
        ("expire_mp3s", "expire_mp3", "done", "sent"),
        ("expire_jobs", "delete", "deleting", "sent"),
    ],
)
def test_repairs_that_apply_one_transition(name: str, counted: str, state: str, mail: str, system: System) -> None:
    """No function acts next, so no event is sent."""
    job_id = DUE[name][0](system.sweeper)
    system.clock.advance(days=5)
    assert repaired(system, name) == {counted: 1}
    job = system.document(job_id)
    assert (job["state"], job["mail"]["state"]) == (state, mail)
    assert system.queue.published == []
    assert repaired(system, name) == {}


def test_a_silent_converter_loses_its_job(system: System) -> None:
    """The owner then gets the reason."""
    assert PERIODS.max_attempts == 2
    job_id = states.ready(system.sweeper)
    for epoch, counted in ((0, "expire"), (2, "give_up")):
        states.take(system.sweeper, transitions.CLAIM, job_id, epoch=epoch, holder="h")
        system.clock.advance(seconds=PERIODS.convert_lease)
        assert repaired(system, "end_conversions") == {counted: 1}
    job = system.document(job_id)
    assert (job["state"], job["error"]["code"], job["epoch"]) == ("failed", "gave_up", 4)
    assert system.queue.published == [("uploaded", job_id), ("failed", job_id)]


def test_a_silent_notifier_loses_its_mail(system: System) -> None:
    """Nothing was handed over yet. A mail that was given up waits for an operator, without an event."""
    job_id = states.finished(system.sweeper)
    for token, counted in (("a", "expire_mail"), ("b", "give_up_mail")):
        states.take(system.sweeper, transitions.CLAIM_MAIL, job_id, run=1, token=token)
        system.clock.advance(seconds=PERIODS.mail_lease)
        assert repaired(system, "end_mails") == {counted: 1}
    assert system.document(job_id)["mail"]["state"] == "failed"
    assert system.queue.published == [("ready", job_id)]


@pytest.mark.parametrize(
    ("name", "make", "released"),
    [("end_conversions", states.converting, "ready"), ("end_mails", states.claimed, "done")],
)
def test_a_release_that_cannot_be_announced_counts(name: str, make: Make, released: str, system: System) -> None:
    """Its event is sent when it is due again."""
    job_id = make(system.sweeper)
    system.clock.advance(seconds=max(PERIODS.convert_lease, PERIODS.mail_lease))
    system.queue.down = True
    assert sum(repaired(system, name).values()) == 1
    assert system.document(job_id)["state"] == released
    system.queue.down = False
    system.clock.advance(seconds=PERIODS.announce_gap)
    assert repaired(system, "announce_again") == {"announce_ready" if released == "ready" else "announce_end": 1}
    assert [subject for _, subject in system.queue.published] == [job_id]


@pytest.mark.parametrize(
    ("make", "counted", "told"),
    [
        (states.ready, "announce_ready", "uploaded"),
        (states.finished, "announce_end", "ready"),
        (states.failed, "announce_end", "failed"),
    ],
    ids=["ready", "done", "failed"],
)
def test_the_event_of_a_waiting_job_is_sent_again(make: Make, counted: str, told: str, system: System) -> None:
    job_id = make(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)
    assert repaired(system, "announce_again") == {counted: 1}
    assert system.queue.published == [(told, job_id)]


def test_the_gap_doubles_up_to_a_limit() -> None:
    system = System(PERIODS.replace(announce_gap=30.0, announce_gap_max=100.0))
    job_id = states.ready(system.sweeper)
    gaps = []
    for _ in range(5):
        gaps.append((system.document(job_id)["announce_due"] - system.clock.now).total_seconds())
        system.clock.advance(seconds=gaps[-1])
        repaired(system, "announce_again")
    assert gaps == [30.0, 60.0, 100.0, 100.0, 100.0]
    assert len(system.queue.published) == 5


def test_while_the_broker_is_down_only_one_gap_grows(system: System) -> None:
    waiting = []
    for _ in range(4):
        waiting.append(states.ready(system.sweeper))
        system.clock.advance(seconds=1)
    before = [system.document(job_id) for job_id in waiting]
    system.clock.advance(seconds=PERIODS.announce_gap)
    system.queue.down = True
    with pytest.raises(Failure) as failure:
        repaired(system, "announce_again")
    assert failure.value.kind is errors.UNAVAILABLE
    assert [system.document(job_id) == job for job_id, job in zip(waiting, before, strict=True)] == [False] + [True] * 3
    system.queue.down = False
    assert repaired(system, "announce_again") == {"announce_ready": 3}
    assert [subject for _, subject in system.queue.published] == waiting[1:]


def test_a_broker_that_goes_down_after_the_first_event_is_noticed(system: System) -> None:
    for _ in range(3):
        states.ready(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)

    def jobs() -> Any:
        for number, job in enumerate(list(BY_NAME["announce_again"].due(system.jobs, MANY))):
            system.queue.down = number > 0
            yield job

    with pytest.raises(Failure):
        repairs.announce_again(system.sweeper, jobs())
    assert len(system.queue.published) == 1


def test_without_jobs_a_broker_that_is_down_is_not_an_error(system: System) -> None:
    system.queue.down = True
    assert repaired(system, "announce_again") == {}


def test_an_event_is_sent_once_by_two_sweepers(system: System) -> None:
    """The second one finds the job announced since it was read, even if its event is due again."""
    states.ready(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)
    read = list(BY_NAME["announce_again"].due(system.jobs, MANY))
    for _ in range(2):
        repairs.announce_again(system.sweeper, iter(read))
        system.clock.advance(seconds=PERIODS.announce_gap_max)
    assert len(system.queue.published) == 1


def test_no_event_is_sent_for_a_job_that_was_claimed_meanwhile(system: System) -> None:
    job_id = states.ready(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)
    read = list(BY_NAME["announce_again"].due(system.jobs, MANY))
    states.take(system.sweeper, transitions.CLAIM, job_id, epoch=0, holder="h")
    repairs.announce_again(system.sweeper, iter(read))
    assert system.queue.published == []


def test_a_mail_is_given_up_only_after_its_own_attempts(system: System) -> None:
    """They are more than those of a conversion: a mail between the two would stay claimed for ever."""
    attempts = PERIODS.max_attempts + 1
    system.jobs.periods = PERIODS.replace(mail_keep_trying=24.0)
    job_id = states.claimed(system.sweeper)
    system.database["jobs"].documents[job_id]["mail"]["attempts"] = attempts
    system.clock.advance(seconds=PERIODS.mail_lease)
    assert repaired(system, "end_mails") == {"expire_mail": 1}
    system.database["jobs"].documents[job_id]["mail"] |= {"attempts": system.jobs.periods.mail_attempts}
    states.take(system.sweeper, transitions.CLAIM_MAIL, job_id, run=1, token="u")
    system.clock.advance(seconds=PERIODS.mail_lease)
    assert repaired(system, "end_mails") == {"give_up_mail": 1}


def webhook(system: System, job_id: str) -> Document:
    found: Document = system.document(job_id)["webhook"]
    return found


def test_a_webhook_whose_notifier_died_is_announced_again_until_it_is_given_up(system: System) -> None:
    job_id = states.posting(system.sweeper)
    system.clock.advance(seconds=PERIODS.webhook_lease)
    assert repaired(system, "end_webhooks") == {"expire_webhook": 1}
    assert system.queue.published == [("ready", job_id)]
    assert webhook(system, job_id) == {
        "url": states.WEBHOOK,
        "state": "none",
        "attempts": 1,
        "due": system.clock.now + PERIODS.announce_gap * SECOND,
        "gap": PERIODS.announce_gap,
    }
    assert PERIODS.webhook_attempts == 2
    states.take(system.sweeper, transitions.CLAIM_WEBHOOK, job_id, epoch=1, token="u")
    system.clock.advance(seconds=PERIODS.webhook_lease)
    assert repaired(system, "end_webhooks") == {"give_up_webhook": 1}
    assert (webhook(system, job_id)["state"], len(system.queue.published)) == ("failed", 1)
    system.clock.advance(days=1)
    assert repaired(system, "announce_webhooks") == {}


def test_a_webhook_that_was_sent_meanwhile_is_left_alone(system: System) -> None:
    job_id = states.posting(system.sweeper)
    system.clock.advance(seconds=PERIODS.webhook_lease)
    read = list(BY_NAME["end_webhooks"].due(system.jobs, MANY))
    states.take(system.sweeper, transitions.WEBHOOK_SENT, job_id, token="t", answer=204)
    repairs.end_webhooks(system.sweeper, iter(read))
    assert webhook(system, job_id)["state"] == "sent"
    assert system.queue.published == []


def test_a_webhook_that_waits_is_announced_with_growing_gaps(system: System) -> None:
    """Beside the mail, which has gaps of its own; and only once the job has ended."""
    job_id = states.converting(system.sweeper, states.WEBHOOK)
    system.clock.advance(seconds=PERIODS.announce_gap)
    assert repaired(system, "announce_webhooks") == {}
    mp3 = {"file_id": f"{job_id}.1", "length": 5, "sha256": "x", "duration": 1.0}
    states.take(system.sweeper, transitions.FINISH, job_id, epoch=1, mp3=mp3, webhook=states.WEBHOOK)
    assert repaired(system, "announce_webhooks") == {}
    system.clock.advance(seconds=PERIODS.announce_gap)
    mail = system.document(job_id)["announce_due"]
    for gap in (2, 4, 8):
        assert repaired(system, "announce_webhooks") == {"announce_webhook": 1}
        assert repaired(system, "announce_webhooks") == {}
        assert webhook(system, job_id)["gap"] == gap * PERIODS.announce_gap
        system.clock.now = webhook(system, job_id)["due"]
    assert system.queue.published == [("ready", job_id)] * 3
    assert system.document(job_id)["announce_due"] == mail


def test_the_webhook_of_a_job_that_is_given_up_is_announced(system: System) -> None:
    job_id = states.converting(system.sweeper, states.WEBHOOK)
    system.database["jobs"].documents[job_id]["attempts"] = PERIODS.max_attempts
    system.clock.advance(seconds=PERIODS.convert_lease)
    assert repaired(system, "end_conversions") == {"give_up": 1}
    assert webhook(system, job_id)["due"] == system.clock.now + PERIODS.announce_gap * SECOND


def test_two_sweepers_announce_a_webhook_once(system: System) -> None:
    states.asking(system.sweeper)
    system.clock.advance(seconds=PERIODS.announce_gap)
    read = list(BY_NAME["announce_webhooks"].due(system.jobs, MANY))
    for _ in range(2):
        repairs.announce_webhooks(system.sweeper, iter(read))
        system.clock.advance(seconds=PERIODS.announce_gap_max)
    assert len(system.queue.published) == 1


MALFORMED: dict[str, Document] = {
    "end_uploads": {"mail": None},
    "end_conversions": {"attempts": "many"},
    "end_mails": {"mail": {"state": "claimed", "until": None}},
    "end_handed_over": {"mail": None},
    "end_webhooks": {"webhook": {"state": "claimed", "until": None}},
    "expire_videos": {"epoch": None, "mail": None},
    "expire_mp3s": {"mail": None},
    "expire_jobs": {"mail": None},
    "clean": {"epoch": "two"},
    "announce_again": {"announce_gap": "long"},
    "announce_webhooks": {"webhook": {"state": "none", "due": None}},
}


@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: str(repair.name))
def test_a_malformed_job_does_not_stop_the_others(repair: Repair, system: System) -> None:
    make = DUE[repair.name][0]
    first, second, third = (make(system.sweeper) for _ in range(3))
    system.clock.advance(days=5)
    read = [system.document(job_id) for job_id in (first, second, third)]
    read[1] |= MALFORMED[repair.name]
    before = system.document(second)
    repair.run(system.sweeper, iter(read))
    counts = dict(system.sweeper.counts)
    assert counts.pop(metrics.NOT_REPAIRED) == 1
    assert list(counts.values()) == [2]
    assert system.document(second) == before

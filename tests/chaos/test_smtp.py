"""The relay refuses, dawdles, is silent or hangs up: the mail is tried again or shown as unknown, never sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.backends.jobs import Jobs
from functions.common.config import load
from functions.common.settings import Periods
from functions.common.transitions import MAIL_AGAIN
from tests.chaos import requests
from tests.chaos.arena import PERIODS, Arena
from tests.chaos.arena import arena as new_arena
from tests.chaos.conftest import Whole
from tests.chaos.relay import relay
from tests.clients.waiting import stays, until
from tests.local.private import SHORT_PERIODS

WATCH_SECONDS = 1.0
# Out of their usual order, so that there are zombies: a notifier waits for its relay longer than its lease lasts, and
# for the answer to a mail longer than until it is unknown.
HASTY = {"MAIL_LEASE_SECONDS": "3", "MAIL_UNKNOWN_SECONDS": "4"}


@pytest.fixture(scope="module")
def session_arena() -> Iterator[Arena]:
    """A system of this file's own, whose notifiers lose their mails soon."""
    with new_arena(HASTY) as system:
        yield system


@pytest.fixture(autouse=True)
def without_sessions_of_earlier_tests(arena: Arena) -> None:
    """A notifier that lost its claim in an earlier test must not take the fault meant for this one's."""
    until(lambda: arena.proxies["smtp"].connections == 0, "the relay's sessions to end")


def mail(arena: Arena, fid: str) -> dict[str, Any]:
    """Return what a job says about its mail."""
    found: dict[str, Any] = arena.inspector.job(fid)["mail"]
    return found


def assert_mail(arena: Arena, fid: str, state: str, count: int) -> None:
    """The job must be done, its mail in that state, and so many mails here."""
    job = arena.inspector.job(fid)
    assert (job["state"], job["mail"]["state"]) == ("done", state), job
    assert arena.mailbox.count(fid, arena.owner.email) == count


def await_mail(arena: Arena, fid: str, state: str) -> None:
    """Wait for a job's mail to be in that state."""
    until(lambda: mail(arena, fid)["state"] == state, f"the mail about {fid} to be {state}")


def ask_again(arena: Arena, fid: str) -> None:
    """Let the mail be sent once more, as the owner may."""
    periods = load(Periods, {**SHORT_PERIODS, **PERIODS, **HASTY})
    jobs = Jobs(arena.inspector.database.jobs, lambda: datetime.now(UTC), periods)
    assert jobs.apply(MAIL_AGAIN, fid, run=mail(arena, fid)["run"])


def test_refused_connections(arena: Arena, video: Path, whole: Whole) -> None:
    arena.proxies["smtp"].refuse()
    fid = arena.upload(video)
    until(lambda: mail(arena, fid)["attempts"] == 2, "a second attempt")
    whole([fid])
    assert_mail(arena, fid, "sent", 1)


def test_a_relay_that_takes_it_later(arena: Arena, video: Path, whole: Whole) -> None:
    """Greylisting: the first two attempts are put off."""
    with relay(["451 4.7.1 later"] * 2, arena.stack.smtp_url) as (moody, address):
        arena.proxies["smtp"].redirect(address)
        fid = arena.upload(video)
        await_mail(arena, fid, "sent")
    whole([fid])
    assert_mail(arena, fid, "sent", 1)
    assert (moody.asked, mail(arena, fid)["attempts"]) == (3, 3)


def test_a_relay_that_never_takes_it(arena: Arena, video: Path, whole: Whole) -> None:
    with relay(["550 5.1.1 no such user"], arena.stack.smtp_url) as (moody, address):
        arena.proxies["smtp"].redirect(address)
        fid = arena.upload(video)
        await_mail(arena, fid, "failed")
    whole([fid])
    assert_mail(arena, fid, "failed", 0)
    assert moody.asked == 1


def test_slow(arena: Arena, video: Path, whole: Whole) -> None:
    proxy = arena.proxies["smtp"]
    before = proxy.strikes
    proxy.delay(0.4)
    fid = arena.upload(video)
    await_mail(arena, fid, "sent")
    assert proxy.strikes > before
    whole([fid])
    assert_mail(arena, fid, "sent", 1)


def test_silent(arena: Arena, video: Path, whole: Whole) -> None:
    arena.proxies["smtp"].black_hole()
    fid = arena.upload(video)
    until(lambda: mail(arena, fid)["attempts"] == 2, "a second attempt")
    whole([fid])
    assert_mail(arena, fid, "sent", 1)


def test_hangs_up_after_the_final_dot(arena: Arena, video: Path, whole: Whole) -> None:
    """Nobody can tell whether it was taken, so it is never sent again."""
    arena.proxies["smtp"].drop_answer(to=requests.FINAL_DOT)
    fid = arena.upload(video)
    await_mail(arena, fid, "unknown")
    whole([fid])
    assert_mail(arena, fid, "unknown", 1)
    assert mail(arena, fid)["attempts"] == 1


def test_answers_after_all(arena: Arena, video: Path, whole: Whole) -> None:
    """The answer to the final dot comes when the mail is said to be unknown already."""
    proxy = arena.proxies["smtp"]
    proxy.hold(requests.FINAL_DOT)
    fid = arena.upload(video)
    await_mail(arena, fid, "unknown")
    proxy.heal()
    await_mail(arena, fid, "sent")
    whole([fid])
    assert_mail(arena, fid, "sent", 1)


def test_a_zombie_is_let_in_after_a_newer_claim(arena: Arena, video: Path, whole: Whole) -> None:
    """A notifier waits for RCPT until its lease is over; another one sends the mail, and the first must not."""
    proxy = arena.proxies["smtp"]
    lost = arena.stack.log("notify").count("lost the claim")
    proxy.hold(requests.RECIPIENT)
    fid = arena.upload(video)
    await_mail(arena, fid, "sent")
    assert mail(arena, fid)["attempts"] == 2
    proxy.heal()
    until(lambda: arena.stack.log("notify").count("lost the claim") > lost, "the first notifier to find out")
    whole([fid])
    assert_mail(arena, fid, "sent", 1)


def test_a_zombies_answer_after_a_newer_claim(arena: Arena, video: Path, whole: Whole) -> None:
    """The mail is asked for again while the first one's answer is on its way: that answer is not the second one's."""
    proxy = arena.proxies["smtp"]
    proxy.hold(requests.FINAL_DOT)
    fid = arena.upload(video)
    await_mail(arena, fid, "unknown")
    proxy.drop_answer(to=requests.FINAL_DOT)
    ask_again(arena, fid)
    await_mail(arena, fid, "unknown")
    second = mail(arena, fid)
    proxy.heal()
    until(lambda: arena.mailbox.count(fid, arena.owner.email) == 2, "the first mail to arrive")
    stays(lambda: mail(arena, fid) == second, "an old answer was heard", WATCH_SECONDS)
    whole([fid])
    assert (second["run"], mail(arena, fid)) == (2, second)

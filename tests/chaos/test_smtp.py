"""The relay rejects mail, is slow, silent or disconnects: it is retried or marked as unknown, never sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.backends.jobs import Jobs
from functions.common.config import load
from functions.common.settings import Periods
from functions.common.transitions import MAIL_AGAIN
from tests.chaos import requests
from tests.chaos.conftest import AssertSettled
from tests.chaos.proxy import Proxy
from tests.chaos.relay import relay
from tests.chaos.system import PERIODS, ProxiedSystem, start_system
from tests.clients.waiting import stays, until
from tests.local.private import SHORT_PERIODS

WATCH_SECONDS = 1.0
# Unusual values that cause overtaken notifiers: a notifier waits for its relay longer than its lease, and for the
# answer to a mail until after it is marked as unknown.
SHORT_MAIL_PERIODS = {"MAIL_LEASE_SECONDS": "3", "MAIL_UNKNOWN_SECONDS": "4"}


@pytest.fixture(scope="module")
def shared_system() -> Iterator[ProxiedSystem]:
    """A system for this file, with short mail leases."""
    with start_system(SHORT_MAIL_PERIODS) as system:
        yield system


@pytest.fixture(autouse=True)
def no_earlier_sessions(system: ProxiedSystem) -> None:
    """An overtaken notifier of an earlier test must not use up the fault for this test."""
    until(lambda: system.proxies["smtp"].connections == 0, "the relay's sessions to end")


def mail(system: ProxiedSystem, fid: str) -> dict[str, Any]:
    """Return the state of a job's mail."""
    found: dict[str, Any] = system.inspector.job(fid)["mail"]
    return found


def assert_mail(system: ProxiedSystem, fid: str, state: str, count: int) -> None:
    """The job must be done, its mail in this state, and this many mails delivered."""
    job = system.inspector.job(fid)
    assert (job["state"], job["mail"]["state"]) == ("done", state), job
    assert system.mailbox.count(fid, system.owner.email) == count


def await_mail(system: ProxiedSystem, fid: str, state: str) -> None:
    """Wait until a job's mail is in this state."""
    until(lambda: mail(system, fid)["state"] == state, f"the mail about {fid} to be {state}")


def ask_again(system: ProxiedSystem, fid: str) -> None:
    """Request that the mail be sent again, as the operator can."""
    periods = load(Periods, {**SHORT_PERIODS, **PERIODS, **SHORT_MAIL_PERIODS})
    jobs = Jobs(system.inspector.database.jobs, lambda: datetime.now(UTC), periods)
    assert jobs.apply(MAIL_AGAIN, fid, run=mail(system, fid)["run"])


@pytest.mark.parametrize("fault", [Proxy.refuse, Proxy.black_hole])
def test_an_unreachable_relay(
    fault: Callable[[Proxy], None], system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    fault(system.proxies["smtp"])
    fid = system.upload(video)
    until(lambda: mail(system, fid)["attempts"] >= 2, "a second attempt")
    assert_settled([fid])
    assert_mail(system, fid, "sent", 1)


def test_a_temporary_rejection(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    """Greylisting: the relay rejects the first two attempts temporarily."""
    with relay(["451 4.7.1 later"] * 2, system.stack.smtp_url) as (relay_server, address):
        system.proxies["smtp"].redirect(address)
        fid = system.upload(video)
        await_mail(system, fid, "sent")
    assert_settled([fid])
    assert_mail(system, fid, "sent", 1)
    assert (relay_server.rcpt_count, mail(system, fid)["attempts"]) == (3, 3)


def test_a_permanent_rejection(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    with relay(["550 5.1.1 no such user"], system.stack.smtp_url) as (relay_server, address):
        system.proxies["smtp"].redirect(address)
        fid = system.upload(video)
        await_mail(system, fid, "failed")
    assert_settled([fid])
    assert_mail(system, fid, "failed", 0)
    assert relay_server.rcpt_count == 1


def test_a_slow_relay(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    proxy = system.proxies["smtp"]
    before = proxy.fault_count
    proxy.delay(0.4)
    fid = system.upload(video)
    await_mail(system, fid, "sent")
    assert proxy.fault_count > before
    assert_settled([fid])
    assert_mail(system, fid, "sent", 1)


def test_the_relay_disconnects_after_the_final_dot(
    system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    """It is unknown whether the mail was accepted, so it is never sent again."""
    system.proxies["smtp"].drop_answer(to=requests.FINAL_DOT)
    fid = system.upload(video)
    await_mail(system, fid, "unknown")
    assert_settled([fid])
    assert_mail(system, fid, "unknown", 1)
    assert mail(system, fid)["attempts"] == 1


def test_a_late_reply_to_the_final_dot(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    """The answer to the final dot arrives after the mail was marked as unknown."""
    proxy = system.proxies["smtp"]
    proxy.hold(requests.FINAL_DOT)
    fid = system.upload(video)
    await_mail(system, fid, "unknown")
    proxy.heal()
    await_mail(system, fid, "sent")
    assert_settled([fid])
    assert_mail(system, fid, "sent", 1)


def test_an_overtaken_notifier_does_not_send(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    """A notifier waits for RCPT until its lease is over; another one sends the mail, so the first must not."""
    proxy = system.proxies["smtp"]
    before, lost = proxy.fault_count, system.stack.log("notify").count("lost the claim")
    proxy.hold(requests.RECIPIENT)
    fid = system.upload(video)
    until(lambda: proxy.fault_count > before, "the first notifier's RCPT to be held")
    await_mail(system, fid, "sent")
    assert mail(system, fid)["attempts"] == 2
    proxy.heal()
    until(lambda: system.stack.log("notify").count("lost the claim") > lost, "the first notifier to notice")
    assert_settled([fid])
    assert_mail(system, fid, "sent", 1)


def test_an_old_reply_does_not_count_for_a_newer_run(
    system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    """The mail is requested again while the first run's answer is in transit: it must not count for the second run."""
    proxy = system.proxies["smtp"]
    proxy.hold(requests.FINAL_DOT)
    fid = system.upload(video)
    await_mail(system, fid, "unknown")
    proxy.drop_answer(to=requests.FINAL_DOT)
    ask_again(system, fid)
    await_mail(system, fid, "unknown")
    second = mail(system, fid)
    proxy.heal()
    until(lambda: system.mailbox.count(fid, system.owner.email) == 2, "the first mail to arrive")
    stays(lambda: mail(system, fid) == second, "the second mail changed", WATCH_SECONDS)
    assert_settled([fid])
    assert (second["run"], mail(system, fid)) == (2, second)

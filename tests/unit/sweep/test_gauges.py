"""Gauges: which jobs and mails are counted, up to which limit, and the age of the oldest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from pymongo.errors import AutoReconnect

from functions.common import metrics, transitions
from functions.common.metrics import Metric
from functions.common.values import Document
from functions.sweep import gauges
from tests.exploration.memory import Found, MemoryCollection
from tests.integration import states
from tests.unit.in_memory import System

JOB_STATES = {"receiving", "ready", "converting", "aborted", "deleting"}
MAIL_STATES = {"none", "claimed", "handing_over", "unknown", "failed"}
WEBHOOK_STATES = {"none", "claimed", "failed"}
SECONDS = 5.0


@pytest.fixture(autouse=True)
def _no_gauges() -> Iterator[None]:
    """No gauges from or for other tests."""
    metrics.set_gauges({})
    yield
    metrics.set_gauges({})


@pytest.fixture
def system() -> System:
    return System()


def shown(metric: Metric) -> Mapping[str, float]:
    """Return the values of a gauge that are not zero."""
    return {state: value for state, value in metrics.gauges()[metric].items() if value}


def test_every_waiting_state_is_shown(system: System) -> None:
    """Zeros too, because a missing gauge raises no alert; successfully ended jobs would be too many to count."""
    gauges.update(system.jobs, SECONDS)
    for metric, known in (
        (metrics.JOBS, JOB_STATES),
        (metrics.OLDEST_JOB, JOB_STATES),
        (metrics.MAILS, MAIL_STATES),
        (metrics.OLDEST_MAIL, MAIL_STATES),
        (metrics.WEBHOOKS, WEBHOOK_STATES),
        (metrics.OLDEST_WEBHOOK, WEBHOOK_STATES),
    ):
        assert metrics.gauges()[metric] == dict.fromkeys(known, 0)
    targets = {row.target for row in transitions.TABLE if row.target} | {"receiving"}
    assert targets - JOB_STATES == {"done", "failed"}
    assert {row.mail_target for row in transitions.TABLE if row.mail_target} - MAIL_STATES == {"sent", "declined"}
    assert {row.webhook_target for row in transitions.TABLE if row.webhook_target} - WEBHOOK_STATES == {
        "sent",
        "declined",
    }


def test_jobs_and_mails_are_counted_by_their_state(system: System) -> None:
    for state, number in (("receiving", 1), ("ready", 2), ("converting", 3), ("aborted", 1), ("done", 2)):
        for _ in range(number):
            states.IN_STATE[state](system.sweeper)
    states.deleted(system.sweeper)
    for mail in states.MAILED:
        states.mailed(system.sweeper, states.finished(system.sweeper), mail)
    states.failed(system.sweeper)
    gauges.update(system.jobs, SECONDS)
    assert shown(metrics.JOBS) == {"receiving": 1, "ready": 2, "converting": 3, "aborted": 1, "deleting": 1}
    assert shown(metrics.MAILS) == {"none": 2, "claimed": 1, "handing_over": 1, "unknown": 1, "failed": 1}


def test_webhooks_are_counted_by_their_state(system: System) -> None:
    """Once their job has ended, whoever said where to."""
    first = states.asking(system.sweeper)
    system.clock.advance(seconds=100)
    states.finished(system.sweeper, states.ACCOUNT)
    for webhook in states.POSTED:
        states.posted(system.sweeper, states.asking(system.sweeper), webhook)
    states.converting(system.sweeper, states.WEBHOOK)
    gauges.update(system.jobs, SECONDS)
    assert shown(metrics.WEBHOOKS) == {"none": 3, "claimed": 1, "failed": 1}
    assert shown(metrics.OLDEST_WEBHOOK) == {"none": 100.0}
    states.posted(system.sweeper, first, "failed")
    gauges.update(system.jobs, SECONDS)
    assert shown(metrics.WEBHOOKS) == {"none": 2, "claimed": 1, "failed": 2}
    assert shown(metrics.OLDEST_WEBHOOK) == {"failed": 100.0}


def test_the_age_of_the_oldest_counts_from_its_upload(system: System) -> None:
    """By the database's clock."""
    first = states.ready(system.sweeper)
    system.clock.advance(seconds=100)
    states.ready(system.sweeper)
    states.finished(system.sweeper)
    system.clock.advance(seconds=50)
    gauges.update(system.jobs, SECONDS)
    assert shown(metrics.OLDEST_JOB) == {"ready": 150.0}
    assert shown(metrics.OLDEST_MAIL) == {"none": 50.0}
    states.take(system.sweeper, transitions.CLAIM, first, epoch=0, holder="h")
    gauges.update(system.jobs, SECONDS)
    assert shown(metrics.OLDEST_JOB) == {"ready": 50.0, "converting": 150.0}


def test_counting_is_limited(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_COUNTED", 2)
    for _ in range(3):
        states.ready(system.sweeper)
        states.finished(system.sweeper)
    gauges.update(system.jobs, SECONDS)
    assert (shown(metrics.JOBS), shown(metrics.MAILS)) == ({"ready": 2}, {"none": 2})


class UnreachableCollection(MemoryCollection):
    """A collection whose queries fail."""

    def find(self, query: Document, projection: object = None) -> Found:
        """Fail."""
        raise AutoReconnect("no answer")


def test_an_unreachable_database_keeps_the_gauges(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """They expire on their own, and the pass itself has succeeded."""
    states.ready(system.sweeper)
    gauges.update(system.jobs, SECONDS)
    gauges.update(System(collection=UnreachableCollection()).jobs, SECONDS)
    assert shown(metrics.JOBS) == {"ready": 1}
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", "gauges not updated")]
    assert vars(caplog.records[0])["cause"] == repr(AutoReconnect("no answer"))

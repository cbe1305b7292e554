"""Delivery: which responses end it, which are retried, how often, and after which delays."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import chain, repeat

import pytest
import requests

from functions.connector.calls import Caller
from functions.connector.delivery import RETRIED, Backoff, Verdict, deliver
from tests.connector.sink import Sink

HANG_UP = 0
ABOUT = {"queue": "videos", "message_id": "m-1"}


class RecordedDelays:
    """Delays that take no time and are recorded; the message stays assigned to us for `most` of them."""

    def __init__(self, most: int = 1000) -> None:
        self.waits: list[float] = []
        self.most = most

    def __call__(self, wait: float) -> bool:
        self.waits.append(wait)
        return len(self.waits) < self.most


def delivered(sink: Sink, pause: Callable[[float], bool], *answers: int, retry: int = 3) -> Verdict:
    """Deliver to a function with these responses; the last one is repeated."""
    statuses = chain(answers, repeat(answers[-1]))
    sink.answer = lambda call: next(statuses)
    request = requests.Request("POST", sink.url, data=b"{}").prepare()
    return deliver(request, Backoff(retry, 0.5, "exponential"), Caller(None), pause, ABOUT)


def test_the_retried_statuses_are_those_of_the_rabbitmq_source() -> None:
    assert sorted(RETRIED) == [404, 413, 425, 429, 502, 503, 504]


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_success_ends_it(status: int, sink: Sink) -> None:
    pauses = RecordedDelays()
    assert delivered(sink, pauses, status) is Verdict.DONE
    assert (len(sink.calls), pauses.waits) == (1, [])


@pytest.mark.parametrize("status", [300, 301, 400, 401, 403, 408, 409, 410, 500, 501, 505, 599])
def test_any_other_status_dead_letters_at_once(status: int, sink: Sink) -> None:
    pauses = RecordedDelays()
    assert delivered(sink, pauses, status) is Verdict.DEAD
    assert (len(sink.calls), pauses.waits) == (1, [])


@pytest.mark.parametrize("answer", [503, HANG_UP])
@pytest.mark.parametrize("retry", [0, 1, 4])
def test_the_number_of_attempts(retry: int, answer: int, sink: Sink) -> None:
    pauses = RecordedDelays()
    assert delivered(sink, pauses, answer, retry=retry) is Verdict.DEAD
    assert (len(sink.calls), len(pauses.waits)) == (retry + 1, retry)


@pytest.mark.parametrize(("last", "verdict"), [(200, Verdict.DONE), (400, Verdict.DEAD)])
def test_temporary_errors_only_cost_delays(last: int, verdict: Verdict, sink: Sink) -> None:
    pauses = RecordedDelays()
    assert delivered(sink, pauses, 503, HANG_UP, 404, last) is verdict
    assert (len(sink.calls), pauses.waits) == (4, [1.0, 2.0, 4.0])


@pytest.mark.parametrize("turns", [1, 2])
def test_a_message_that_is_no_longer_ours_is_given_back(turns: int, sink: Sink) -> None:
    """No request follows: another connector may already be making it."""
    assert delivered(sink, RecordedDelays(turns), 503) is Verdict.AGAIN
    assert len(sink.calls) == turns


def test_no_delay_follows_the_last_attempt(sink: Sink) -> None:
    assert delivered(sink, RecordedDelays(1), 503, retry=0) is Verdict.DEAD


@pytest.mark.parametrize(("policy", "waits"), [("exponential", [0.2, 0.4, 0.8, 1.6]), ("linear", [0.1, 0.2, 0.3, 0.4])])
def test_delays_grow(policy: str, waits: list[float]) -> None:
    backoff = Backoff(4, 0.1, policy)
    assert [backoff.wait(number) for number in (1, 2, 3, 4)] == pytest.approx(waits)


def test_each_attempt_is_logged(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        delivered(sink, RecordedDelays(), HANG_UP, 503, 200)
    logged = [vars(record) for record in caplog.records if record.name == "functions.connector.delivery"]
    assert [(each["outcome"], each["attempt"], each.get("wait")) for each in logged] == [
        ("ConnectionError", 1, 1.0),
        (503, 2, 2.0),
        (200, 3, None),
    ]
    assert all(each["queue"] == "videos" and each["message_id"] == "m-1" for each in logged)

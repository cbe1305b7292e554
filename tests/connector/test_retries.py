"""Retries: waits that grow, calls that succeed later, and calls that never do."""

from __future__ import annotations

import itertools

import pytest
from pika import BasicProperties

from tests.clients.waiting import until
from tests.connector.conftest import Start
from tests.connector.queues import Queues
from tests.connector.sink import Call, Sink

HANG_UP = 0
RETRY = 2


@pytest.mark.parametrize(("policy", "waits"), [("exponential", [0.2, 0.4, 0.8]), ("linear", [0.1, 0.2, 0.3])])
def test_delays_between_attempts_grow(
    queues: Queues, sink: Sink, name: str, start: Start, policy: str, waits: list[float]
) -> None:
    sink.answer = lambda call: 503
    start(
        CONNECTOR_SINKS=f"{name}={sink.url}",
        CONNECTOR_RETRY=3,
        CONNECTOR_BACKOFF_SECONDS=0.1,
        CONNECTOR_BACKOFF_POLICY=policy,
    )
    queues.event(name, "slow")
    until(lambda: queues.ready(f"{name}.dead") == 1, "the dead letter")
    times = [call.at for call in sink.calls]
    passed = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(passed) == len(waits)
    assert all(seen >= wait for seen, wait in zip(passed, waits, strict=True))


def test_a_successful_attempt_ends_the_retries(queues: Queues, sink: Sink, name: str, start: Start) -> None:
    answers = iter([503, HANG_UP, 200])
    sink.answer = lambda call: next(answers)
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}")
    queues.event(name, "healed")
    until(lambda: connector.lines("delivered"), "the third call")
    assert connector.stop() == 0
    assert (len(sink.calls), queues.ready(name), queues.ready(f"{name}.dead")) == (3, 0, 0)


def test_an_unreachable_function_is_retried(queues: Queues, sink: Sink, name: str, start: Start) -> None:
    connector = start(CONNECTOR_SINKS=f"{name}=http://127.0.0.1:1/")
    queues.event(name, "nowhere")
    until(lambda: queues.ready(f"{name}.dead") == 1, "the dead letter")
    assert len(connector.lines("not delivered")) == RETRY + 1


def test_a_slow_response_is_retried(queues: Queues, sink: Sink, name: str, start: Start) -> None:
    answers = iter([True, False])

    def answer(call: Call) -> int:
        if next(answers):
            until(lambda: len(sink.calls) > 1, "the second call")
        return 200

    sink.answer = answer
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}", CONNECTOR_CALL_TIMEOUT_SECONDS=0.3)
    queues.event(name, "late")
    until(lambda: connector.lines("delivered"), "the second call's answer")
    assert connector.lines("not delivered")[0]["outcome"] == "ReadTimeout"


def test_an_empty_message_is_settled(queues: Queues, sink: Sink, name: str, start: Start) -> None:
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}")
    queues.publish(name, BasicProperties(), b"")
    until(lambda: connector.lines("delivered"), "the call")
    assert (connector.stop(), queues.ready(name)) == (0, 0)

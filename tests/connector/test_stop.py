"""Stopping a connector: running calls may finish, waiting messages go back, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.clients.waiting import until
from tests.connector.conftest import Start
from tests.connector.queues import Queues
from tests.connector.sink import Call, Sink


@pytest.fixture
def release(sink: Sink) -> Iterator[threading.Event]:
    """Hold every call until this is set."""
    released = threading.Event()

    def answer(call: Call) -> int:
        released.wait(60)
        return 200

    sink.answer = answer
    yield released
    released.set()


def test_a_running_call_is_settled_and_the_others_go_back(
    queues: Queues, sink: Sink, name: str, start: Start, release: threading.Event
) -> None:
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}", CONNECTOR_PREFETCH=4)
    for number in range(4):
        queues.event(name, str(number))
    until(lambda: sink.running == 1 and queues.ready(name) == 0, "one call, three held")
    connector.signal()
    until(lambda: queues.ready(name) == 3, "the three to be back")
    assert connector.running()
    release.set()
    assert connector.ended() == 0
    assert (len(sink.calls), queues.ready(name), queues.ready(f"{name}.dead")) == (1, 3, 0)


def test_a_message_waiting_for_its_next_attempt_goes_back(queues: Queues, sink: Sink, name: str, start: Start) -> None:
    sink.answer = lambda call: 503
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}", CONNECTOR_BACKOFF_SECONDS=60)
    queues.event(name, "patient")
    until(lambda: connector.lines("not delivered: retrying"), "the first try")
    assert connector.stop() == 0
    assert (len(sink.calls), queues.ready(name), queues.ready(f"{name}.dead")) == (1, 1, 0)


def test_an_idle_connector_ends_at_once(queues: Queues, sink: Sink, name: str, start: Start) -> None:
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}", CONNECTOR_GRACE_SECONDS=5)
    until(lambda: connector.lines("consuming"), "the consumer")
    assert connector.stop() == 0
    assert connector.lines("stopped")


def test_a_second_signal_ends_it(queues: Queues, sink: Sink, name: str, start: Start, release: threading.Event) -> None:
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}")
    queues.event(name, "cut")
    until(lambda: sink.running == 1, "the call")
    connector.signal()
    until(lambda: connector.lines("stopping"), "the first signal to be handled")
    assert connector.stop() == 1
    until(lambda: queues.ready(name) == 1, "the message to be back")


def test_the_grace_period_is_limited(
    queues: Queues, sink: Sink, name: str, start: Start, release: threading.Event
) -> None:
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}", CONNECTOR_GRACE_SECONDS=0.3)
    queues.event(name, "cut")
    until(lambda: sink.running == 1, "the call")
    assert connector.stop() == 1
    until(lambda: queues.ready(name) == 1, "the message to be back")


def test_a_connector_without_a_broker_ends_too(sink: Sink, start: Start) -> None:
    connector = start(RABBITMQ_URL="amqp://guest:guest@127.0.0.1:1/", CONNECTOR_SINKS=f"videos={sink.url}")
    until(lambda: connector.lines("no connection"), "the failure")
    assert connector.stop() == 0

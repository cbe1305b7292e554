"""Long calls: how many run at once, and how the connection stays alive."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from tests.clients.waiting import stays, until
from tests.connector.conftest import Start
from tests.connector.queues import Queues
from tests.connector.sink import Call, Sink

HEARTBEAT_SECONDS = 1


@pytest.fixture
def release(sink: Sink) -> threading.Event:
    """Hold every call until this is set."""
    released = threading.Event()

    def answer(call: Call) -> int:
        return 200 if released.wait(60) else 500

    sink.answer = answer
    return released


def test_parallel_calls_are_limited(
    queues: Queues, sink: Sink, name: str, start: Start, release: threading.Event
) -> None:
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}", CONNECTOR_PARALLELISM=2, CONNECTOR_PREFETCH=4)
    for number in range(6):
        queues.event(name, str(number))
    until(lambda: sink.running == 2 and queues.ready(name) == 2, "two calls, two waiting in the connector")
    stays(lambda: sink.running == 2 and queues.ready(name) == 2, "more was taken", 0.5)
    release.set()
    until(lambda: len(connector.lines("delivered")) == 6, "all calls")
    assert sink.most == 2


def test_unacknowledged_messages_are_limited(
    queues: Queues, sink: Sink, name: str, start: Start, release: threading.Event
) -> None:
    """A message that only waits in a connector loses time, and counts against its delivery limit at each stop."""
    start(CONNECTOR_SINKS=f"{name}={sink.url}", CONNECTOR_PARALLELISM=f"{name}=2")
    for number in range(4):
        queues.event(name, str(number))
    until(lambda: sink.running == 2, "two calls")
    assert queues.ready(name) == 2
    release.set()
    until(lambda: len(sink.calls) == 4, "all calls")


def test_queues_do_not_wait_for_each_other(
    queues: Queues, sink: Sink, name: str, start: Start, release: threading.Event
) -> None:
    other = f"{name}-other"
    queues.declare(other)
    with closing(Sink()) as quick:
        connector = start(CONNECTOR_SINKS=f"{name}={sink.url} {other}={quick.url}")
        queues.event(name, "held")
        until(lambda: sink.running == 1, "the call that takes long")
        queues.event(other, "quick")
        until(lambda: connector.lines("delivered"), "the other queue's call")
        assert (len(quick.calls), sink.running) == (1, 1)
        release.set()


def test_a_call_longer_than_many_heartbeats_is_settled_once(
    queues: Queues, broker_url: str, sink: Sink, name: str, start: Start, release: threading.Event
) -> None:
    connector = start(RABBITMQ_URL=f"{broker_url}?heartbeat={HEARTBEAT_SECONDS}", CONNECTOR_SINKS=f"{name}={sink.url}")
    queues.event(name, "long")
    until(lambda: sink.running == 1, "the call")
    stays(lambda: queues.consumers(name) == 1 and len(sink.calls) == 1, "lost it", 3.5 * HEARTBEAT_SECONDS)
    release.set()
    until(lambda: connector.lines("delivered"), "the answer")
    assert connector.stop() == 0
    assert (len(sink.calls), queues.ready(name), queues.ready(f"{name}.dead")) == (1, 0, 0)
    assert len(connector.lines("connected")) == 1

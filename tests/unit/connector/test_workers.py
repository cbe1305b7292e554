"""Workers: every message gets a verdict, and the connection's thread is woken."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from typing import Any

import pytest
from pika import BasicProperties

from functions.connector import delivery
from functions.connector.calls import Caller
from functions.connector.delivery import Backoff, Verdict
from functions.connector.settings import Queue
from functions.connector.workers import Delivery, Workers
from tests.connector.sink import Call, Sink

STRUCTURED = "application/cloudevents+json"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
SECONDS = 10


def message(tag: int, content_type: str = STRUCTURED, **changes: Any) -> Delivery:
    """Return an event as an unacknowledged RabbitMQ message."""
    event = {"specversion": "1.0", "id": "1", "source": "/here", "type": "t", "subject": f"s-{tag}"} | changes
    properties = BasicProperties(content_type=content_type, message_id=f"m-{tag}")
    channel: Any = None
    return Delivery(channel, threading.Event(), tag, properties, json.dumps(event).encode())


class Group:
    """The workers of one queue, and how often they woke the connection's thread."""

    def __init__(self, url: str, parallelism: int = 1, retry: int = 0) -> None:
        self.woken = threading.Semaphore(0)
        self.name = f"q-{uuid.uuid4()}"
        queue = Queue(self.name, url, parallelism, parallelism)
        self.workers = Workers(queue, Backoff(retry, 60.0, "linear"), Caller(None), self.woken.release)
        self.workers.start()

    def verdicts(self, *messages: Delivery) -> dict[int, Verdict]:
        """Have messages delivered; return their verdicts."""
        for each in messages:
            self.workers.waiting.put(each)
        found = {}
        for _ in messages:
            assert self.woken.acquire(timeout=SECONDS)
            settled, verdict = self.workers.finished.get(timeout=SECONDS)
            found[settled.tag] = verdict
        return found


def test_each_message_gets_its_verdict(sink: Sink) -> None:
    answers = {"s-1": 200, "s-2": 400, "s-3": 503}
    sink.answer = lambda call: answers[call.headers["ce-subject"]]
    assert Group(sink.url).verdicts(message(1), message(2), message(3)) == {
        1: Verdict.DONE,
        2: Verdict.DEAD,
        3: Verdict.DEAD,
    }


def test_an_invalid_event_is_dead_lettered_without_a_call(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        verdicts = Group(sink.url).verdicts(message(1, type=""), message(2))
    assert verdicts == {1: Verdict.DEAD, 2: Verdict.DONE}
    assert [call.headers["ce-subject"] for call in sink.calls] == ["s-2"]
    logged = vars(caplog.records[0])
    assert logged["message_id"] == "m-1"
    assert "type" in logged["reason"]


def test_a_defect_affects_one_message_and_no_worker(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: Any, *rest: Any, **more: Any) -> Verdict:
        if request.headers["ce-subject"] == b"s-1":
            raise KeyError("a defect")
        return delivery.deliver(request, *rest, **more)

    monkeypatch.setattr("functions.connector.workers.deliver", broken)
    assert Group(sink.url).verdicts(message(1), message(2)) == {1: Verdict.DEAD, 2: Verdict.DONE}
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]


def test_a_message_with_a_lost_channel_is_not_retried(sink: Sink) -> None:
    """A delay of a minute ends at once."""
    held = message(1)

    def answer(call: Call) -> int:
        held.cancelled.set()
        return 503

    sink.answer = answer
    assert Group(sink.url, retry=5).verdicts(held) == {1: Verdict.AGAIN}
    assert len(sink.calls) == 1


def test_calls_run_in_parallel_up_to_the_limit(sink: Sink) -> None:
    """Each call waits until three are running, which fewer workers would never reach."""
    together = threading.Barrier(3)

    def answer(call: Call) -> int:
        together.wait(SECONDS)
        return 200

    sink.answer = answer
    group = Group(sink.url, parallelism=3)
    verdicts = group.verdicts(*(message(tag) for tag in range(6)))
    assert set(verdicts.values()) == {Verdict.DONE}
    assert sum(thread.name == group.name for thread in threading.enumerate()) == 3


@pytest.mark.parametrize(("traceparent", "known"), [(TRACE, True), ("forged", False)])
def test_log_lines_have_the_trace_of_a_message(
    traceparent: str, known: bool, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        Group(sink.url).verdicts(message(1, traceparent=traceparent))
    logged = next(vars(record) for record in caplog.records if record.message == "delivered")
    assert (logged["message_id"], logged["type"], logged["subject"]) == ("m-1", "t", "s-1")
    assert (logged.get("trace_id") == "a" * 32) == known
    assert "forged" not in str(logged)

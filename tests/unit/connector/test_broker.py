"""The parts of the broker that need no connection: delays before reconnecting, and the state before the first one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pika
import pytest

from functions.connector import broker
from functions.connector.broker import Broker


@pytest.mark.parametrize(
    ("failures", "longest"), [(0, 0.5), (1, 1.0), (2, 2.0), (4, 8.0), (5, 15.0), (10, 15.0), (100_000, 15.0)]
)
@pytest.mark.parametrize(("share", "part"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_delays_between_connections_grow_up_to_a_limit(
    share: float, part: float, failures: int, longest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is shortened at random, by up to half: connectors must not reconnect at the same time."""
    monkeypatch.setattr("random.uniform", lambda least, most: least + share * (most - least))
    assert broker._reconnect_wait(failures) == pytest.approx(longest * part)


@pytest.mark.parametrize(
    ("queues", "consuming"), [([True], True), ([True, True], True), ([True, False], False), ([False], False)]
)
def test_it_is_consuming_when_every_queue_is(queues: list[bool], consuming: bool) -> None:
    made = Broker(pika.URLParameters("amqp://127.0.0.1:1/x"))
    consumers: Any = [SimpleNamespace(consuming=each) for each in queues]
    made.consumers = consumers
    assert made.consuming == consuming


def test_stopping_before_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_parameters: object) -> None:
        pytest.fail("it tried to connect")

    monkeypatch.setattr("functions.backends.amqp.connection_to", connect)
    made = Broker(pika.URLParameters("amqp://127.0.0.1:1/x"))
    made.stop()
    made.run()


def test_reconnecting_until_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each failure, every queue drops its channel, and the failures are counted."""
    made = Broker(pika.URLParameters("amqp://127.0.0.1:1/x"))
    lost: list[str] = []
    consumers: Any = [SimpleNamespace(consuming=False, reset=lambda name=name: lost.append(name)) for name in "ab"]
    made.consumers = consumers
    waited: list[int] = []

    def wait(failures: int) -> float:
        waited.append(failures)
        if len(waited) == 4:
            made.stop()
        return 0.0

    monkeypatch.setattr(broker, "_reconnect_wait", wait)
    made.run()
    assert waited == [0, 1, 2, 3]
    assert lost == ["a", "b"] * 4

"""Brokers and queues disappear and come back; the connector recovers by itself."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest
from pika import URLParameters

from tests.chaos.proxy import Proxy
from tests.clients.waiting import until
from tests.connector.conftest import Start
from tests.connector.queues import Queues
from tests.connector.sink import Call, Sink
from tests.local.commands import free_port

PASSWORD = "correct-horse-battery"


@pytest.fixture
def proxy(broker_url: str) -> Iterator[Proxy]:
    parameters = URLParameters(broker_url)
    with closing(Proxy((parameters.host, parameters.port))) as between:
        yield between


def through(proxy: Proxy, broker_url: str) -> str:
    parameters = URLParameters(broker_url)
    return broker_url.replace(f"{parameters.host}:{parameters.port}", f"127.0.0.1:{proxy.port}")


def health(port: int) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_/health", timeout=5) as answer:
            return answer.status, json.load(answer)["status"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["status"]
    except urllib.error.URLError:
        return 0, "no answer"


def test_a_lost_connection_is_restored(
    queues: Queues, broker_url: str, sink: Sink, name: str, start: Start, proxy: Proxy
) -> None:
    connector = start(RABBITMQ_URL=through(proxy, broker_url), CONNECTOR_SINKS=f"{name}={sink.url}")
    queues.event(name, "before")
    until(lambda: connector.lines("delivered"), "the first call")
    for time in range(2):
        proxy.cut()
        queues.event(name, f"after-{time}")
        # Not by their number: the first is delivered again if the cut was faster than its acknowledgement.
        until(lambda: sink.about(f"after-{time}"), "the next call")  # noqa: B023
    assert connector.stop() == 0
    assert queues.ready(name) == 0


def test_a_call_whose_connection_was_lost_is_repeated(
    queues: Queues, broker_url: str, sink: Sink, name: str, start: Start, proxy: Proxy
) -> None:
    released = threading.Event()

    def answer(call: Call) -> int:
        released.wait(60)
        return 200

    sink.answer = answer
    connector = start(RABBITMQ_URL=through(proxy, broker_url), CONNECTOR_SINKS=f"{name}={sink.url}")
    queues.event(name, "twice")
    until(lambda: sink.running == 1, "the call")
    proxy.cut()
    until(lambda: len(connector.lines("consuming")) == 2, "the new connection")
    released.set()
    until(lambda: len(sink.calls) == 2 and len(connector.lines("delivered")) == 2, "the second call")
    (late,) = connector.lines("the channel was lost during the call")
    assert late["message_id"] == "id-twice"
    assert len(connector.lines("lost the channel")) == 1
    assert connector.stop() == 0
    assert (queues.ready(name), queues.ready(f"{name}.dead")) == (0, 0)


def test_a_broker_that_starts_later_is_awaited(
    queues: Queues, broker_url: str, sink: Sink, name: str, start: Start
) -> None:
    parameters, port = URLParameters(broker_url), free_port()
    url = broker_url.replace(f"{parameters.host}:{parameters.port}", f"127.0.0.1:{port}")
    connector = start(RABBITMQ_URL=url, CONNECTOR_SINKS=f"{name}={sink.url}")
    until(lambda: len(connector.lines("no connection")) >= 2, "two failures")
    with closing(Proxy((parameters.host, parameters.port), port)):
        queues.event(name, "at last")
        until(lambda: connector.lines("delivered"), "the call")
        assert connector.stop() == 0


def test_a_wrong_password_is_retried_and_never_shown(broker_url: str, sink: Sink, start: Start, name: str) -> None:
    parameters = URLParameters(broker_url)
    url = f"amqp://nobody:{PASSWORD}@{parameters.host}:{parameters.port}/%2f"
    connector = start(RABBITMQ_URL=url, CONNECTOR_SINKS=f"{name}={sink.url}", LOG_LEVEL="DEBUG")
    until(lambda: len(connector.lines("no connection")) >= 2, "two failures")
    assert connector.stop() == 0
    assert PASSWORD not in connector.text


def test_a_missing_queue_is_awaited_while_others_are_served(
    queues: Queues, sink: Sink, name: str, start: Start
) -> None:
    missing, port = f"{name}-missing", free_port()
    sinks = f"{name}={sink.url} {missing}={sink.url}"
    connector = start(CONNECTOR_SINKS=sinks, CONNECTOR_HEALTH_PORT=port, HOST="127.0.0.1")
    until(lambda: connector.lines("RabbitMQ closed the channel"), "the complaint")
    queues.event(name, "served")
    until(lambda: sink.about("served"), "the other queue's call")
    assert health(port) == (503, "waiting")
    queues.declare(missing)
    queues.event(missing, "at last")
    until(lambda: sink.about("at last"), "the call")
    until(lambda: health(port) == (200, "ok"), "health")
    queues.delete(missing)
    until(lambda: health(port) == (503, "waiting"), "the loss to be noticed")
    queues.declare(missing)
    queues.event(missing, "again")
    until(lambda: sink.about("again"), "the call after that")
    until(lambda: health(port) == (200, "ok"), "health again")
    assert len(connector.lines("connected")) == 1
    assert connector.stop() == 0

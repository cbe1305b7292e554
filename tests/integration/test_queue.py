"""Publishing to a real broker: confirmed and routed, or an error."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pika
import pytest

from functions.backends.queue import EXCHANGE, Queue
from functions.common import events
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker
from tests.clients.resetting import resetting

TIMEOUT_SECONDS = 5.0
JOB: dict[str, Any] = {"_id": "3f0e5f1e-3c6e-4b62-9a7e-0d6f3f0e5f1e", "state": "ready", "traceparent": None}


@pytest.mark.parametrize(("state", "queue"), [("ready", "videos"), ("done", "mp3s"), ("failed", "mp3s")])
def test_events_reach_their_queue(vhost: str, state: str, queue: str) -> None:
    """A state's event is in the queue of the function that acts next, structured and persistent."""
    assert Queue(Broker(vhost, TIMEOUT_SECONDS)).announce([JOB | {"state": state}])
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        _, properties, body = connection.channel().basic_get(queue, auto_ack=True)
    event = json.loads(body)
    assert (properties.content_type, properties.delivery_mode) == (events.STRUCTURED, 2)
    assert properties.message_id == event["id"]
    assert (event["subject"], event["data"]) == (JOB["_id"], {"id": JOB["_id"]})
    hint = events.decode({"content-type": properties.content_type}, body, event["type"])
    assert hint == events.Hint(JOB["_id"], None)


def test_an_event_that_reaches_no_queue_is_an_error(vhost: str) -> None:
    """A confirm alone would count as published."""
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        connection.channel().queue_unbind("videos", EXCHANGE, "video.uploaded")
    with pytest.raises(Failure) as failure:
        Queue(Broker(vhost, TIMEOUT_SECONDS)).publish([events.of(JOB)])
    assert failure.value.kind is UNAVAILABLE
    assert not Queue(Broker(vhost, TIMEOUT_SECONDS)).announce([JOB])


def test_an_event_that_its_queue_rejects_is_an_error(vhost: str) -> None:
    """Only the broker's confirm counts: the event was routed, but rejected."""
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        channel = connection.channel()
        channel.queue_declare("full", durable=True, arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
        channel.queue_bind("full", EXCHANGE, "video.uploaded")
    with pytest.raises(Failure) as failure:
        Queue(Broker(vhost, TIMEOUT_SECONDS)).publish([events.of(JOB)])
    assert failure.value.kind is UNAVAILABLE


def test_an_unavailable_or_silent_broker_costs_limited_time() -> None:
    """An upload waits neither for a closed port nor for one that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        assert not Queue(Broker(f"amqp://a:b@127.0.0.1:{port}/x", 1.0)).announce([JOB])
        assert time.monotonic() - began < 15  # a limit, not a speed
    assert not Queue(Broker("amqp://a:b@127.0.0.1:1/x", 1.0)).announce([JOB])


def test_a_broker_that_resets_new_connections() -> None:
    """Pika asks a new connection for its peer's address; if it is closed already, that must be an ordinary error."""
    with resetting() as port, pytest.raises(Failure) as failure:
        Queue(Broker(f"amqp://a:b@127.0.0.1:{port}/x", 5.0)).publish([events.of(JOB)])
    assert failure.value.kind is UNAVAILABLE
    assert isinstance(failure.value.__cause__, ConnectionResetError)
    assert isinstance(failure.value.__cause__.__cause__, ValueError)

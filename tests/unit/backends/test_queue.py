"""Publishing events: how they are sent, and what happens if the broker does not confirm them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pika.exceptions
import pytest

from functions.backends import amqp
from functions.backends.queue import EXCHANGE, Queue
from functions.common import events, ids
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker
from functions.common.values import Document
from tests.unit.in_memory import RecordingQueue

URL = "amqp://ada:sesame@broker/x"


def job(state: str = "ready") -> Document:
    return {"_id": ids.new(), "state": state, "traceparent": None}


class Wire:
    """A connection that records what it is used for; the event number `refused` is not routed."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.published: list[dict[str, Any]] = []
        self.parameters: Any = None
        self.refused = -1

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_error: object) -> None:
        self.log.append("closed")

    def channel(self) -> Any:
        """Open a channel."""
        return SimpleNamespace(confirm_delivery=lambda: self.log.append("confirms"), basic_publish=self.publish)

    def publish(self, exchange: str, key: str, body: bytes, properties: Any, *, mandatory: bool) -> None:
        """Record an event, or refuse it."""
        if len(self.published) == self.refused:
            raise pika.exceptions.UnroutableError([])
        self.log.append("published")
        self.published.append(
            {"exchange": exchange, "key": key, "body": body, "properties": properties, "mandatory": mandatory}
        )


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()

    def connect(parameters: Any) -> Wire:
        made.log.append("connected")
        made.parameters = parameters
        return made

    monkeypatch.setattr(amqp, "connection_to", connect)
    return made


def queue(timeout: float = 5.0, url: str = URL) -> Queue:
    return Queue(Broker(url, timeout))


def test_a_batch_is_published_on_one_connection_with_confirms(wire: Wire) -> None:
    jobs = [job("ready"), job("done"), job("failed")]
    assert queue().announce(jobs)
    assert wire.log == ["connected", "confirms", *["published"] * 3, "closed"]
    assert [each["key"] for each in wire.published] == ["video.uploaded", "mp3.ready", "conversion.failed"]
    for each, about in zip(wire.published, jobs, strict=True):
        event, properties = json.loads(each["body"]), each["properties"]
        assert (each["exchange"], each["mandatory"]) == (EXCHANGE, True)
        assert (event["subject"], event["data"]) == (about["_id"], {"id": about["_id"]})
        assert (properties.content_type, properties.message_id) == (events.STRUCTURED, event["id"])
        assert properties.delivery_mode == 2
    assert len({json.loads(each["body"])["id"] for each in wire.published}) == 3


def test_without_jobs_no_connection_is_opened(wire: Wire) -> None:
    assert queue().announce([])
    assert queue().announce(iter([]))
    assert wire.log == []


def test_jobs_may_be_an_iterator(wire: Wire) -> None:
    def waiting() -> Iterator[Document]:
        yield job()
        yield job()

    assert queue().announce(waiting())
    assert len(wire.published) == 2


def test_an_unroutable_event_fails_the_batch(wire: Wire) -> None:
    """The events before it are published; sweep sends them again, which is harmless."""
    wire.refused = 1
    with pytest.raises(Failure) as failure:
        queue().publish([events.of(job()) for _ in range(3)])
    assert failure.value.kind is UNAVAILABLE
    assert (len(wire.published), wire.log[-1]) == (1, "closed")


def test_a_failed_batch_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    broken = RecordingQueue()
    broken.down = True
    jobs = [job(), job()]
    with caplog.at_level(logging.WARNING):
        assert not broken.announce(jobs)
    [record] = caplog.records
    assert vars(record)["jobs"] == [each["_id"] for each in jobs]


def test_a_malformed_url_fails_like_an_unavailable_broker() -> None:
    """The step has done its work, and must not crash because of its event."""
    broken = queue(url="amqp://ada:sesame@broker:port/")
    assert not broken.announce([job()])
    with pytest.raises(Failure) as failure:
        broken.publish([events.of(job())])
    assert "sesame" not in repr(failure.value.__cause__)


@pytest.mark.parametrize(("timeout", "heartbeat"), [(0.1, 1), (1.0, 1), (2.0, 1), (5.0, 2), (60.0, 30)])
def test_heartbeats_follow_the_timeout(timeout: float, heartbeat: int, wire: Wire) -> None:
    queue(timeout).announce([job()])
    assert (wire.parameters.heartbeat, wire.parameters.socket_timeout) == (heartbeat, timeout)

"""One queue: its channel, the deliveries that wait, and the workers that make the calls."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from pika import BasicProperties, BlockingConnection
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPChannelError

from functions.connector.conversion import ConversionError, to_request
from functions.connector.delivery import Backoff, Verdict, deliver
from functions.connector.settings import Queue

log = logging.getLogger(__name__)

ATTACH_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class Delivery:
    """A message that RabbitMQ waits to hear about, on one channel."""

    channel: BlockingChannel
    over: threading.Event
    tag: int
    properties: BasicProperties
    body: bytes


class Consumer:
    """A queue's messages on their way to its function.

    Workers only make calls. All that touches the channel runs in the connection's thread, for a channel belongs to it.
    """

    def __init__(self, queue: Queue, backoff: Backoff, timeout: float | None, wake: Callable[[], None]) -> None:
        self.queue = queue
        self.consuming = False
        self._backoff = backoff
        self._timeout = timeout
        self._wake = wake
        self._waiting: SimpleQueue[Delivery] = SimpleQueue()
        self._finished: SimpleQueue[tuple[Delivery, Verdict]] = SimpleQueue()
        self._channel: BlockingChannel | None = None
        self._over = threading.Event()
        self._attach_at = 0.0
        self._complaint = ""
        self.unsettled = 0
        for _ in range(queue.parallelism):
            threading.Thread(target=self._work, daemon=True, name=queue.name).start()

    def attach(self, connection: BlockingConnection) -> None:
        """Consume, if we do not and it is time to try."""
        channel = self._channel
        # RabbitMQ cancels a consumer when its queue is deleted or moves to another node.
        self.consuming = channel is not None and channel.is_open and bool(channel.consumer_tags)
        if self.consuming or time.monotonic() < self._attach_at:
            return
        self._attach_at = time.monotonic() + ATTACH_AGAIN_SECONDS
        try:
            if channel is None or not channel.is_open:
                self.lose()
                channel = self._channel = connection.channel()
                channel.basic_qos(prefetch_count=self.queue.prefetch)
            channel.queue_declare(self.queue.name, passive=True)
            channel.basic_consume(self.queue.name, self._on_message)
        except AMQPChannelError as error:
            self._complain(repr(error))
        else:
            self.consuming, self._complaint = True, ""
            log.info("consuming", extra={"queue": self.queue.name})

    def settle(self) -> None:
        """Tell RabbitMQ about the calls that have ended."""
        for delivery, verdict in _drain(self._finished):
            self._settle(delivery, verdict)

    def stop(self) -> None:
        """Take no more messages and give back those that no worker has begun."""
        self.consuming = False
        if self._channel is not None and self._channel.is_open:
            for tag in self._channel.consumer_tags:
                self._channel.basic_cancel(tag)
        self._over.set()
        for delivery in _drain(self._waiting):
            self._settle(delivery, Verdict.AGAIN)

    def lose(self) -> None:
        """Forget the channel: RabbitMQ has taken back what was not settled on it."""
        if self.unsettled:
            log.warning("lost the channel", extra={"queue": self.queue.name, "unsettled": self.unsettled})
        self.consuming = False
        self._over.set()
        self._over = threading.Event()
        self._channel = None
        self.unsettled = 0
        _drain(self._waiting)
        self.settle()

    def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        channel = self._channel
        if channel is None or channel is not delivery.channel or not channel.is_open:
            about = {"queue": self.queue.name, "message_id": delivery.properties.message_id, "verdict": verdict.value}
            log.warning("the channel was lost during the call: RabbitMQ delivers the message again", extra=about)
            return
        self.unsettled -= 1
        if verdict is Verdict.DONE:
            channel.basic_ack(delivery.tag)
        else:
            channel.basic_nack(delivery.tag, requeue=verdict is Verdict.AGAIN)

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            log.warning("cannot consume: trying on", extra={"queue": self.queue.name, "reason": reason})
        self._complaint = reason

    def _on_message(self, channel: BlockingChannel, method: Any, properties: BasicProperties, body: bytes) -> None:
        self.unsettled += 1
        self._waiting.put(Delivery(channel, self._over, method.delivery_tag, properties, body))

    def _work(self) -> None:
        while True:
            delivery = self._waiting.get()
            verdict = Verdict.DEAD
            try:
                verdict = self._deliver(delivery)
            except Exception:
                log.exception("a defect: the message is a dead letter", extra={"queue": self.queue.name})
            self._finished.put((delivery, verdict))
            self._wake()

    def _deliver(self, delivery: Delivery) -> Verdict:
        if delivery.over.is_set():
            return Verdict.AGAIN
        about = {"queue": self.queue.name, "message_id": delivery.properties.message_id or ""}
        try:
            request = to_request(self.queue.url, self.queue.name, delivery.properties, delivery.body)
        except ConversionError as error:
            log.error("not a CloudEvent: the message is a dead letter", extra=about | {"reason": str(error)})
            return Verdict.DEAD
        about |= {name: _header(request, f"ce-{name}") for name in ("type", "subject")}
        return deliver(
            request, self._backoff, self._timeout, pause=lambda wait: not delivery.over.wait(wait), about=about
        )


def _drain(items: SimpleQueue[Any]) -> list[Any]:
    found = []
    try:
        while True:
            found.append(items.get_nowait())
    except Empty:
        return found


def _header(request: Any, name: str) -> str:
    return bytes(request.headers.get(name, b"")).decode()

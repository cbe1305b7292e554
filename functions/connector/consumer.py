"""One queue: its channel, its messages, and how they are settled."""

from __future__ import annotations

import logging
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any

from pika import BasicProperties, BlockingConnection
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPChannelError

from functions.connector.delivery import Verdict
from functions.connector.workers import Delivery, Workers

log = logging.getLogger(__name__)

ATTACH_AGAIN_SECONDS = 1.0


class Consumer:
    """Pass a queue's messages to its workers and settle them; every method runs in the connection's thread."""

    def __init__(self, workers: Workers) -> None:
        self.queue = workers.queue
        self.consuming = False
        self._unsettled = 0
        self._workers = workers
        self._channel: BlockingChannel | None = None
        self._cancelled = threading.Event()
        self._attach_at = 0.0
        self._last_error = ""

    @property
    def busy(self) -> bool:
        """Whether a message of the open channel is not settled."""
        return self._channel is not None and self._channel.is_open and self._unsettled > 0

    def attach(self, connection: BlockingConnection) -> None:
        """Start consuming, if that has stopped and the pause between attempts is over."""
        channel = self._channel
        # RabbitMQ cancels a consumer when its queue is deleted or moves to another node.
        self.consuming = channel is not None and channel.is_open and bool(channel.consumer_tags)
        if self.consuming or time.monotonic() < self._attach_at:
            return
        self._attach_at = time.monotonic() + ATTACH_AGAIN_SECONDS
        try:
            if channel is None or not channel.is_open:
                self.reset()
                channel = self._channel = connection.channel()
                channel.basic_qos(prefetch_count=self.queue.prefetch)
            channel.queue_declare(self.queue.name, passive=True)
            channel.basic_consume(self.queue.name, self._on_message)
        except AMQPChannelError as error:
            self._log_once(repr(error))
        else:
            self.consuming, self._last_error = True, ""
            log.info("consuming", extra={"queue": self.queue.name})

    def settle(self) -> None:
        """Settle the messages whose calls have ended."""
        for delivery, verdict in _drain(self._workers.finished):
            self._settle(delivery, verdict)

    def stop(self) -> None:
        """Stop consuming, and requeue the messages that no worker has begun."""
        self.consuming = False
        if self._channel is not None and self._channel.is_open:
            try:
                for tag in self._channel.consumer_tags:
                    self._channel.basic_cancel(tag)
            except AMQPChannelError as error:
                self._log_once(repr(error))
        self._cancelled.set()
        for delivery in _drain(self._workers.waiting):
            self._settle(delivery, Verdict.AGAIN)

    def reset(self) -> None:
        """Forget a closed channel, whose unsettled messages RabbitMQ has requeued."""
        if self._unsettled:
            log.warning("lost the channel", extra={"queue": self.queue.name, "unsettled": self._unsettled})
        self.consuming = False
        self._cancelled.set()
        self._cancelled = threading.Event()
        self._channel = None
        self._unsettled = 0
        _drain(self._workers.waiting)
        self.settle()

    def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        channel = self._channel
        if channel is None or channel is not delivery.channel or not channel.is_open:
            extra = {"queue": self.queue.name, "message_id": delivery.properties.message_id, "verdict": verdict.value}
            log.warning("the channel was lost during the call: RabbitMQ will redeliver the message", extra=extra)
            return
        self._unsettled -= 1
        try:
            if verdict is Verdict.DONE:
                channel.basic_ack(delivery.tag)
            else:
                channel.basic_nack(delivery.tag, requeue=verdict is Verdict.AGAIN)
        except AMQPChannelError as error:
            self._log_once(repr(error))

    def _log_once(self, reason: str) -> None:
        if reason != self._last_error:
            log.warning("RabbitMQ closed the channel: retrying", extra={"queue": self.queue.name, "reason": reason})
        self._last_error = reason

    def _on_message(self, channel: BlockingChannel, method: Any, properties: BasicProperties, body: bytes) -> None:
        self._unsettled += 1
        self._workers.waiting.put(Delivery(channel, self._cancelled, method.delivery_tag, properties, body))


def _drain(items: SimpleQueue[Any]) -> list[Any]:
    found = []
    try:
        while True:
            found.append(items.get_nowait())
    except Empty:
        return found

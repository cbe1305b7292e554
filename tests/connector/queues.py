"""Queues as the service declares them, each with its dead-letter queue, on the test's broker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel

from tests.clients.waiting import until

Message = tuple[pika.BasicProperties, bytes]
STRUCTURED = "application/cloudevents+json"


class Queues:
    """What a test does with RabbitMQ; each step on its own connection."""

    def __init__(self, url: str) -> None:
        self.url = url

    def declare(self, name: str) -> None:
        """Make a quorum queue and the queue of its dead letters."""
        arguments = {
            "x-queue-type": "quorum",
            "x-delivery-limit": 5,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": f"{name}.dead",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        with self._channel() as channel:
            channel.queue_declare(f"{name}.dead", durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_declare(name, durable=True, arguments=arguments)

    def delete(self, name: str) -> None:
        """Delete a queue, but not that of its dead letters."""
        with self._channel() as channel:
            channel.queue_delete(name)

    def publish(self, name: str, properties: pika.BasicProperties, body: bytes) -> None:
        """Send one message straight to the queue, and know that it is there."""
        with self._channel() as channel:
            channel.confirm_delivery()
            channel.basic_publish("", name, body, properties, mandatory=True)

    def event(self, name: str, subject: str) -> None:
        """Send one event in the format of the functions."""
        event = {
            "specversion": "1.0",
            "id": f"id-{subject}",
            "source": "/tests",
            "type": "com.example.tested",
            "subject": subject,
            "datacontenttype": "application/json",
            "data": {"id": subject},
        }
        properties = pika.BasicProperties(content_type=STRUCTURED, message_id=event["id"], delivery_mode=2)
        self.publish(name, properties, json.dumps(event).encode())

    def ready(self, name: str) -> int:
        """Return how many messages are ready."""
        with self._channel() as channel:
            return int(channel.queue_declare(name, passive=True).method.message_count)

    @contextmanager
    def awaiting_one(self, name: str) -> Iterator[None]:
        """Wait, after the block, until one more message is ready than before: upload announces after its answer."""
        before = self.ready(name)
        yield
        until(lambda: self.ready(name) == before + 1, f"one more message in {name}")

    def await_ready(self, name: str, least: int) -> None:
        """Wait until at least this many messages are ready."""
        until(lambda: self.ready(name) >= least, f"{least} messages in {name}")

    def consumers(self, name: str) -> int:
        """Return how many consumers a queue has."""
        with self._channel() as channel:
            return int(channel.queue_declare(name, passive=True).method.consumer_count)

    def take(self, name: str) -> Message | None:
        """Take one message off a queue."""
        with self._channel() as channel:
            method, properties, body = channel.basic_get(name, auto_ack=True)
            return None if method is None else (properties, body)

    def publish_all(self, messages: Iterable[tuple[str, pika.BasicProperties, bytes]]) -> None:
        """Send messages straight to their queues, and know that they are there."""
        with self._channel() as channel:
            channel.confirm_delivery()
            for name, properties, body in messages:
                channel.basic_publish("", name, body, properties, mandatory=True)

    def take_all(self, name: str) -> list[Message]:
        """Take all messages off a queue."""
        found: list[Message] = []
        with self._channel() as channel:
            while (message := channel.basic_get(name, auto_ack=True))[0] is not None:
                found.append(message[1:])
        return found

    def empty(self, *names: str) -> None:
        """Drop all messages of these queues."""
        with self._channel() as channel:
            for name in names:
                channel.queue_purge(name)

    def refuse(self, name: str) -> None:
        """Refuse the first message: it becomes a dead letter."""
        with self._channel() as channel:
            method, _, _ = channel.basic_get(name)
            channel.basic_nack(method.delivery_tag, requeue=False)

    def give_back(self, name: str, times: int) -> None:
        """Take and give back the first message that many times: in the end, it becomes a dead letter."""
        with self._channel() as channel:
            for _ in range(times):
                method, _, _ = channel.basic_get(name)
                channel.basic_nack(method.delivery_tag, requeue=True)

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            connection.close()

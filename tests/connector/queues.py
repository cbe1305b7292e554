"""Queues as the service declares them, each with its dead-letter queue, on the test's broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel

Message = tuple[pika.BasicProperties, bytes]
STRUCTURED = "application/cloudevents+json"


class Queues:
    """What a test does with RabbitMQ; each step on a connection of its own."""

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
        """Send one event in the form in which the functions send theirs."""
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
        """Return how many messages wait for a consumer."""
        with self._channel() as channel:
            return int(channel.queue_declare(name, passive=True).method.message_count)

    def consumers(self, name: str) -> int:
        """Return how many consumers a queue has."""
        with self._channel() as channel:
            return int(channel.queue_declare(name, passive=True).method.consumer_count)

    def take(self, name: str) -> Message | None:
        """Take one message off a queue."""
        with self._channel() as channel:
            method, properties, body = channel.basic_get(name, auto_ack=True)
            return None if method is None else (properties, body)

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            connection.close()

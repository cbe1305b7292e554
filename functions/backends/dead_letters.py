"""Dead letters: what RabbitMQ could not have delivered, looked at and dropped without losing any.

A queue can only be read by taking its messages. What is not dropped is given back, by RabbitMQ itself when this
process dies; after a walk to the end, in its old order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from functions.backends import amqp
from functions.common import config, crash, events
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker

VIDEOS_DEAD = "videos.dead"
MP3S_DEAD = "mp3s.dead"
_EVENTS = {VIDEOS_DEAD: (events.VIDEO_UPLOADED,), MP3S_DEAD: (events.MP3_READY, events.CONVERSION_FAILED)}

# The connection is silent while something is done about a letter; with a dead database that takes its time.
_HEARTBEAT_SECONDS = 60
_BEGINNING_BYTES = 40


@dataclass(frozen=True)
class Letter:
    """A dead letter: why it lies there, and the job that it is about."""

    queue: str
    job_id: str | None  # none: poison, no event of ours
    reason: str
    died_at: datetime | None
    beginning: bytes
    length: int


class DeadLetters:
    """The queues that dead letters end in."""

    def __init__(self, settings: Broker) -> None:
        self._parameters = amqp.parameters(settings)
        self._parameters.heartbeat = _HEARTBEAT_SECONDS

    def each(self, settled: Callable[[Letter], bool]) -> None:
        """Show each letter to `settled`, and drop those that it returns true for.

        Raises Failure(UNAVAILABLE), or what `settled` raises; what is not dropped by then stays.
        """
        try:
            with amqp.connection_to(self._parameters) as connection:
                channel = connection.channel()
                try:
                    for name in _EVENTS:
                        _walk(channel, name, settled)
                finally:
                    # Closing would give the rest back as well, but only some time after the next one has looked.
                    if channel.is_open:
                        channel.basic_nack(0, multiple=True, requeue=True)
        except amqp.GONE as error:
            raise Failure(UNAVAILABLE) from error


def _walk(channel: BlockingChannel, name: str, settled: Callable[[Letter], bool]) -> None:
    method, properties, body = channel.basic_get(name)
    # No further than the queue was long at first: letters may come as fast as they are dropped.
    left = method.message_count if method else 0
    while method is not None:
        if settled(_letter(name, properties, body)):
            with crash.around("letters.drop"):
                channel.basic_ack(method.delivery_tag)
        if not left:
            break
        left -= 1
        method, properties, body = channel.basic_get(name)


def _letter(name: str, properties: pika.BasicProperties, body: bytes) -> Letter:
    death = _death(properties)
    died_at = death.get("time")
    return Letter(
        name,
        _job_id(name, properties, body),
        str(death.get("reason", "unknown")),
        died_at if isinstance(died_at, datetime) else None,
        body[:_BEGINNING_BYTES],
        len(body),
    )


def _death(properties: pika.BasicProperties) -> dict[str, Any]:
    """Return the last entry of the history that RabbitMQ keeps of a message; empty for one put there by hand."""
    deaths = (properties.headers or {}).get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    return last if isinstance(last, dict) else {}


def _job_id(name: str, properties: pika.BasicProperties, body: bytes) -> str | None:
    try:
        return events.decode({"content-type": properties.content_type or ""}, body, *_EVENTS[name]).job_id
    except Failure:
        return None


@cache
def connect() -> DeadLetters:
    """Return the dead letters of the broker that the settings name."""
    return DeadLetters(config.load(Broker))

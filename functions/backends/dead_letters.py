"""Dead letters: list the messages that could not be delivered, and drop those that were handled.

A queue can only be read by taking its messages. Those that are not dropped are returned, by RabbitMQ itself if this
process dies; if all were read, they keep their order.
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

# The connection is silent while a letter is handled, which takes long if the database is unavailable.
_HEARTBEAT_SECONDS = 60
_BEGINNING_BYTES = 40


@dataclass(frozen=True)
class Letter:
    """A dead letter: its queue, its job, and why it was not delivered."""

    queue: str
    job_id: str | None  # None: poison, not an event of ours
    reason: str
    died_at: datetime | None
    beginning: bytes
    length: int


class DeadLetters:
    """The dead letter queues."""

    def __init__(self, settings: Broker) -> None:
        self._parameters = amqp.parameters(settings)
        self._parameters.heartbeat = _HEARTBEAT_SECONDS

    def each(self, handle: Callable[[Letter], bool]) -> None:
        """Call `handle` with each letter, and drop the letter if it returns true.

        Raises Failure(UNAVAILABLE), or what `handle` raises; letters that were not dropped by then stay.
        """
        try:
            with amqp.connection_to(self._parameters) as connection:
                channel = connection.channel()
                try:
                    for name in _EVENTS:
                        _read(channel, name, handle)
                finally:
                    # Closing would return the rest too, but maybe only after the next command has read the queue.
                    if channel.is_open:
                        channel.basic_nack(0, multiple=True, requeue=True)
        except amqp.ERRORS as error:
            raise Failure(UNAVAILABLE) from error


def _read(channel: BlockingChannel, name: str, handle: Callable[[Letter], bool]) -> None:
    method, properties, body = channel.basic_get(name)
    # Stop at the initial length of the queue: new letters may arrive as fast as these are dropped.
    left = method.message_count if method else 0
    while method is not None:
        if handle(_letter(name, properties, body)):
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
    """Return the latest entry of x-death, or an empty one if the message was published to the queue directly."""
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
    """Return the dead letters of the broker in the settings."""
    return DeadLetters(config.load(Broker))

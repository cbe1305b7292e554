"""RabbitMQ: events out, each confirmed by the broker.

A connection for each batch of events: it costs 9 ms, and none can have died unnoticed while it idled.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache

import pika
from cloudevents.http import CloudEvent
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from functions.common import config, crash, events, metrics
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker
from functions.common.transitions import Document

EXCHANGE = "mp3converter"
# What pika raises when the broker is away or goes away.
GONE = (AMQPError, AMQPConnectorException, OSError)

_log = logging.getLogger(__name__)


class Queue:
    """Publish events to the exchange; which queues they reach is the broker's topology."""

    def __init__(self, settings: Broker) -> None:
        self._parameters = parameters(settings)
        # A broker that stops answering in the middle is noticed by its missing heartbeats.
        self._parameters.heartbeat = max(1, round(settings.timeout / 2))

    def announce(self, jobs: Iterable[Document]) -> bool:
        """Publish the event of each job's state; a failure is logged, for sweep sends again what still waits."""
        waiting = list(jobs)
        if not waiting:
            return True
        try:
            self.publish([events.of(job) for job in waiting])
        except Failure as failure:
            extra = {"jobs": [job["_id"] for job in waiting], "cause": repr(failure.__cause__)}
            _log.warning("not announced; sweep will", extra=extra)
            metrics.published(metrics.NOT_PUBLISHED, len(waiting))
            return False
        metrics.published(metrics.PUBLISHED, len(waiting))
        return True

    def publish(self, batch: Iterable[CloudEvent]) -> None:
        """Publish events and wait until the broker has each on disk in a queue.

        Raises Failure(UNAVAILABLE) when one is not confirmed, or is routed to no queue.
        """
        try:
            with connection_to(self._parameters) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                for event in batch:
                    key, body = events.routing_key(event), events.encode(event)
                    with crash.around("publish"):
                        channel.basic_publish(EXCHANGE, key, body, _properties(event), mandatory=True)
        except GONE as error:
            raise Failure(UNAVAILABLE) from error


def parameters(settings: Broker) -> pika.URLParameters:
    """Return how to connect to the broker, with a limit to every wait."""
    try:
        found = pika.URLParameters(settings.url)
    except Exception:  # pika raises what it likes, and quotes the URL
        raise config.ConfigError("RABBITMQ_URL must be amqp://USER:PASSWORD@HOST:PORT/VHOST") from None
    found.blocked_connection_timeout = settings.timeout
    found.socket_timeout = settings.timeout
    found.stack_timeout = settings.timeout
    return found


def connection_to(broker: pika.connection.Parameters) -> pika.BlockingConnection:
    """Connect to the broker; raises what is in GONE."""
    try:
        return pika.BlockingConnection(broker)
    except ValueError as error:  # pika's word for a connection that is reset as it opens
        raise ConnectionResetError("the connection was reset as it opened") from error


def _properties(event: CloudEvent) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=events.STRUCTURED, message_id=event["id"], delivery_mode=pika.DeliveryMode.Persistent
    )


@cache
def connect() -> Queue:
    """Return the queue that the settings name."""
    return Queue(config.load(Broker))

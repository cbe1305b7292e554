"""RabbitMQ: publish events, each confirmed by the broker.

Each batch has a connection of its own: that costs 9 ms, and no idle connection can be lost unnoticed. The driver loads
with the first batch, so that earlier steps, such as a claim, do not wait for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache

from cloudevents.http import CloudEvent

from functions.common import config, crash, events, metrics
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker
from functions.common.values import Document

EXCHANGE = "mp3converter"

_log = logging.getLogger(__name__)


class Queue:
    """Publish events to the exchange, which routes them to queues."""

    def __init__(self, settings: Broker) -> None:
        self._settings = settings

    def announce(self, jobs: Iterable[Document]) -> bool:
        """Publish the event for each job's state; return False and log if that fails, because sweep sends it again."""
        waiting = list(jobs)
        if not waiting:
            return True
        try:
            self.publish([events.of(job) for job in waiting])
        except Failure as failure:
            extra = {"jobs": [job["_id"] for job in waiting], "cause": repr(failure.__cause__)}
            _log.warning("not announced; sweep will", extra=extra)
            metrics.count(metrics.EVENTS, metrics.NOT_PUBLISHED, amount=len(waiting))
            return False
        metrics.count(metrics.EVENTS, metrics.PUBLISHED, amount=len(waiting))
        return True

    def publish(self, batch: Iterable[CloudEvent]) -> None:
        """Publish events, and wait until each is stored on disk in a queue.

        Raises Failure(UNAVAILABLE) if one is not confirmed or not routed to any queue.
        """
        from functions.backends import amqp

        try:
            broker = amqp.parameters(self._settings)
            # Missing heartbeats show that the broker has stopped answering.
            broker.heartbeat = max(1, round(self._settings.timeout / 2))
            with amqp.connection_to(broker) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                for event in batch:
                    key, body = events.routing_key(event), events.encode(event)
                    properties = amqp.persistent(events.STRUCTURED, event["id"])
                    with crash.around("publish"):
                        channel.basic_publish(EXCHANGE, key, body, properties, mandatory=True)
        except (*amqp.ERRORS, config.ConfigError) as error:
            raise Failure(UNAVAILABLE) from error


@cache
def connect() -> Queue:
    """Return the queue of the broker in the settings."""
    return Queue(config.load(Broker))

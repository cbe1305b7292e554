"""RabbitMQ: events out, each confirmed by the broker.

A connection for each batch of events: it costs 9 ms, and none can have died unnoticed while it idled. The driver loads
with the first batch: a step that has nothing to tell yet, such as a claim, does not wait for it.
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
    """Publish events to the exchange; which queues they reach is the broker's topology."""

    def __init__(self, settings: Broker) -> None:
        self._settings = settings

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
            metrics.count(metrics.EVENTS, metrics.NOT_PUBLISHED, amount=len(waiting))
            return False
        metrics.count(metrics.EVENTS, metrics.PUBLISHED, amount=len(waiting))
        return True

    def publish(self, batch: Iterable[CloudEvent]) -> None:
        """Publish events and wait until the broker has each on disk in a queue.

        Raises Failure(UNAVAILABLE) when one is not confirmed, or is routed to no queue.
        """
        from functions.backends import amqp

        try:
            broker = amqp.parameters(self._settings)
            # A broker that stops answering in the middle is noticed by its missing heartbeats.
            broker.heartbeat = max(1, round(self._settings.timeout / 2))
            with amqp.connection_to(broker) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                for event in batch:
                    key, body = events.routing_key(event), events.encode(event)
                    properties = amqp.persistent(events.STRUCTURED, event["id"])
                    with crash.around("publish"):
                        channel.basic_publish(EXCHANGE, key, body, properties, mandatory=True)
        except (*amqp.GONE, config.ConfigError) as error:
            raise Failure(UNAVAILABLE) from error


@cache
def connect() -> Queue:
    """Return the queue that the settings name."""
    return Queue(config.load(Broker))

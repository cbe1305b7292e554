"""The one connection to RabbitMQ, and the thread that owns it."""

from __future__ import annotations

import logging
import random
import threading

import pika
from pika.exceptions import ConnectionWrongStateError

from functions.backends import amqp
from functions.connector.consumer import Consumer

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
RECONNECT_SECONDS = 0.5
RECONNECT_MOST_SECONDS = 15.0


class Broker:
    """Keeps every queue consumed until it is told to stop."""

    def __init__(self, parameters: pika.connection.Parameters) -> None:
        self._parameters = parameters
        self._connection: pika.BlockingConnection | None = None
        self._stopping = threading.Event()
        self.consumers: list[Consumer] = []

    @property
    def consuming(self) -> bool:
        """Whether every queue is consumed at the moment."""
        return all(consumer.consuming for consumer in self.consumers)

    def run(self) -> None:
        """Connect, serve, and connect again, until stop is called and every call has been settled."""
        failures = 0
        while not self._stopping.is_set():
            try:
                self._connection = amqp.connection_to(self._parameters)
                log.info("connected to RabbitMQ")
                failures = 0
                self._serve(self._connection)
            except amqp.ERRORS as error:
                log.warning("no connection to RabbitMQ", extra={"reason": repr(error)})
            self._close()
            for consumer in self.consumers:
                consumer.lose()
            self._stopping.wait(_reconnect_wait(failures))
            failures += 1

    def stop(self) -> None:
        """Make run return as soon as the calls that are under way have been settled; from any thread."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Make the connection's thread look around at once; from any thread."""
        connection = self._connection
        try:
            if connection is not None:
                connection.add_callback_threadsafe(lambda: None)
        except (ConnectionWrongStateError, OSError) as error:
            log.debug("nothing to wake", extra={"reason": repr(error)})

    def _serve(self, connection: pika.BlockingConnection) -> None:
        while True:
            for consumer in self.consumers:
                consumer.settle()
                if self._stopping.is_set():
                    consumer.stop()
                else:
                    consumer.attach(connection)
            if self._stopping.is_set() and not any(consumer.busy for consumer in self.consumers):
                return
            connection.process_data_events(time_limit=TICK_SECONDS)

    def _close(self) -> None:
        # One that was merely left would keep its messages until RabbitMQ misses its heartbeats.
        try:
            if self._connection is not None and self._connection.is_open:
                self._connection.close()
        except amqp.ERRORS as error:
            log.debug("could not close the connection", extra={"reason": repr(error)})


def _reconnect_wait(failures: int) -> float:
    # Jitter: the connectors of a cluster must not come back all at the same moment.
    wait = min(RECONNECT_MOST_SECONDS, RECONNECT_SECONDS * 2.0 ** min(failures, 10))
    return wait * random.uniform(0.5, 1)  # noqa: S311 - nothing is secret here

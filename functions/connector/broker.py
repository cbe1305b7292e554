"""The connection to RabbitMQ, and the thread that owns it."""

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
    """Consume every queue until `stop`; reconnect if the connection is lost."""

    def __init__(self, parameters: pika.connection.Parameters) -> None:
        self._parameters = parameters
        self._connection: pika.BlockingConnection | None = None
        self._stopping = threading.Event()
        self.consumers: list[Consumer] = []

    @property
    def consuming(self) -> bool:
        """Whether every queue is being consumed."""
        return all(consumer.consuming for consumer in self.consumers)

    def run(self) -> None:
        """Connect, serve and reconnect until `stop` was called and every message is settled."""
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
                consumer.reset()
            self._stopping.wait(_reconnect_wait(failures))
            failures += 1

    def stop(self) -> None:
        """Make `run` return once the running calls are settled. Thread-safe."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Wake the connection's thread. Thread-safe."""
        connection = self._connection
        try:
            if connection is not None:
                connection.add_callback_threadsafe(lambda: None)
        except (ConnectionWrongStateError, OSError) as error:
            log.debug("no connection to wake", extra={"reason": repr(error)})

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
        # Otherwise RabbitMQ would keep its messages until it misses the heartbeats.
        try:
            if self._connection is not None and self._connection.is_open:
                self._connection.close()
        except amqp.ERRORS as error:
            log.debug("could not close the connection", extra={"reason": repr(error)})


def _reconnect_wait(failures: int) -> float:
    # Jitter keeps the connectors of a cluster from reconnecting all at once.
    wait = min(RECONNECT_MOST_SECONDS, RECONNECT_SECONDS * 2.0 ** min(failures, 10))
    return wait * random.uniform(0.5, 1)  # noqa: S311 - not for cryptography

"""AMQP: how a connection to RabbitMQ is made, and what it raises."""

from __future__ import annotations

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from functions.common import config
from functions.common.settings import Broker

# What pika raises when the broker is away or goes away.
GONE = (AMQPError, AMQPConnectorException, OSError)


def address(url: str) -> pika.URLParameters:
    """Return what a URL says of the broker. Raises ConfigError."""
    try:
        return pika.URLParameters(url)
    except Exception:  # pika raises errors of many kinds, and quotes the URL
        raise config.ConfigError("RABBITMQ_URL must be amqp://USER:PASSWORD@HOST:PORT/VHOST") from None


def parameters(settings: Broker) -> pika.URLParameters:
    """Return how to connect to the broker, with a limit to every wait. Raises ConfigError."""
    found = address(settings.url)
    found.blocked_connection_timeout = settings.timeout
    found.socket_timeout = settings.timeout
    found.stack_timeout = settings.timeout
    return found


def persistent(content_type: str, message_id: str) -> pika.BasicProperties:
    """Return the properties of a message that the broker keeps on disk."""
    return pika.BasicProperties(
        content_type=content_type, message_id=message_id, delivery_mode=pika.DeliveryMode.Persistent
    )


def connection_to(broker: pika.connection.Parameters) -> pika.BlockingConnection:
    """Connect to the broker; raises what is in GONE."""
    try:
        return pika.BlockingConnection(broker)
    except ValueError as error:  # pika's word for a connection that is reset as it opens
        raise ConnectionResetError("the connection was reset as it opened") from error

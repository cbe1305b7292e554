"""AMQP: connecting to RabbitMQ, and the errors that pika raises."""

from __future__ import annotations

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from functions.common import config
from functions.common.settings import Broker

# What pika raises if the broker is unavailable or the connection is lost.
ERRORS = (AMQPError, AMQPConnectorException, OSError)


def address(url: str) -> pika.URLParameters:
    """Return the connection parameters in a URL. Raises ConfigError."""
    try:
        return pika.URLParameters(url)
    except Exception:  # pika raises many types, and quotes the URL
        raise config.ConfigError("RABBITMQ_URL must be amqp://USER:PASSWORD@HOST:PORT/VHOST") from None


def parameters(settings: Broker) -> pika.URLParameters:
    """Return the connection parameters, with a limit for every wait. Raises ConfigError."""
    found = address(settings.url)
    found.blocked_connection_timeout = settings.timeout
    found.socket_timeout = settings.timeout
    found.stack_timeout = settings.timeout
    return found


def persistent(content_type: str, message_id: str) -> pika.BasicProperties:
    """Return the properties of a message that the broker stores on disk."""
    return pika.BasicProperties(
        content_type=content_type, message_id=message_id, delivery_mode=pika.DeliveryMode.Persistent
    )


def connection_to(broker: pika.connection.Parameters) -> pika.BlockingConnection:
    """Connect to the broker. Raises one of ERRORS."""
    try:
        return pika.BlockingConnection(broker)
    except ValueError as error:  # what pika raises for a connection that is reset while it opens
        raise ConnectionResetError("the connection was reset while it opened") from error

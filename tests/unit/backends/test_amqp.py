"""Connecting to RabbitMQ: URLs, limits of waits, and pika's errors."""

from __future__ import annotations

import pika
import pika.exceptions
import pytest

from functions.backends import amqp
from functions.common.config import ConfigError
from functions.common.settings import Broker


@pytest.mark.parametrize(
    "url",
    [
        "amqp://ada:sesame@localhost:port/",
        "amqp://ada:sesame@localhost:70000/",
        "amqp://ada:sesame@localhost/?heartbeat=sesame",
        "amqp://localhost/?sesame=1",
    ],
)
def test_a_malformed_url_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^RABBITMQ_URL must be amqp://") as raised:
        amqp.address(url)
    assert "sesame" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__, "a traceback would show the URL"


def test_percent_encoding_is_decoded() -> None:
    found = amqp.address("amqps://ada%40x:p%2Fw@broker:5671/mp3%2Fconverter")
    assert (found.host, found.port, found.virtual_host) == ("broker", 5671, "mp3/converter")
    assert (found.credentials.username, found.credentials.password) == ("ada@x", "p/w")
    assert found.ssl_options is not None


def test_every_wait_has_a_limit() -> None:
    found = amqp.parameters(Broker("amqp://broker/x", 2.5))
    waits = (found.blocked_connection_timeout, found.socket_timeout, found.stack_timeout)
    assert waits == (2.5, 2.5, 2.5)


def test_messages_are_persistent() -> None:
    made = amqp.persistent("text/x", "m-1")
    assert (made.content_type, made.message_id, made.delivery_mode) == ("text/x", "m-1", 2)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("it was reset"),
        pika.exceptions.AMQPConnectionError(),
        pika.exceptions.ProbableAuthenticationError(),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_failure_is_one_of_errors(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """pika raises ValueError if the connection is reset while it opens."""

    def connect(_parameters: object) -> None:
        raise error

    monkeypatch.setattr(pika, "BlockingConnection", connect)
    with pytest.raises(amqp.ERRORS) as raised:
        amqp.connection_to(amqp.address("amqp://broker/x"))
    if isinstance(error, ValueError):
        assert isinstance(raised.value, ConnectionResetError)
        assert raised.value.__cause__ is error


def test_a_closed_port_is_one_of_errors() -> None:
    with pytest.raises(amqp.ERRORS):
        amqp.connection_to(amqp.parameters(Broker("amqp://a:b@127.0.0.1:1/x", 1.0)))

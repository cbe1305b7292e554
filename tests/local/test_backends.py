"""The private backends: their content, and the rights of their users."""

import json
from collections.abc import Callable

import pika
import pika.exceptions
import pymongo
import pymysql
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from local.backends import definitions
from local.backends import mysql as mysql_backend
from local.backends import rabbitmq as rabbitmq_backend
from local.problem import Problem
from tests.clients.resetting import resetting
from tests.local.private import PrivateStack
from tests.local.vhosts import rabbitmqctl

FORBIDDEN: dict[str, Callable[[BlockingChannel], object]] = {
    "consume": lambda channel: channel.basic_get("videos"),
    "purge": lambda channel: channel.queue_purge("mp3s"),
    "declare a queue": lambda channel: channel.queue_declare("another"),
    "declare an exchange": lambda channel: channel.exchange_declare("another"),
    "look at dead letters": lambda channel: channel.basic_get("videos.dead"),
    "delete": lambda channel: channel.queue_delete("videos"),
    "publish to another exchange": lambda channel: channel.basic_publish("mp3converter.dead", "videos.dead", b"{}"),
}


def comparable(items: list[dict[str, object]]) -> list[str]:
    """Return items in a form that can be compared."""
    # A broker's export repeats a queue's type outside its arguments.
    plain = [{key: item[key] for key in item if (key, item[key]) != ("type", "quorum")} for item in items]
    return sorted(json.dumps(item, sort_keys=True) for item in plain)


def refuses(url: str, action: Callable[[BlockingChannel], object]) -> bool:
    """Tell whether the broker denies an action."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            action(channel)
        except pika.exceptions.ChannelClosedByBroker as error:
            return "ACCESS_REFUSED" in error.reply_text
        return False


def test_the_broker_has_exactly_the_defined_topology(lazy_stack: PrivateStack, rabbitmq: str) -> None:
    exported = lazy_stack.home / "tmp" / "exported.json"
    rabbitmqctl(lazy_stack.home, "export_definitions", str(exported))
    found, wanted = json.loads(exported.read_text()), definitions.load()

    for kind in ("exchanges", "queues", "bindings"):
        assert comparable([item for item in found[kind] if item["vhost"] == definitions.VHOST]) == comparable(
            wanted[kind]
        )
    assert {user["name"] for user in found["users"]} == {"admin", "functions", "connector", "operator"}


@pytest.mark.parametrize("action", FORBIDDEN)
def test_the_functions_user_can_only_publish(lazy_stack: PrivateStack, rabbitmq: str, action: str) -> None:
    assert refuses(lazy_stack.rabbitmq_functions_url, FORBIDDEN[action])


def test_the_functions_user_can_publish(lazy_stack: PrivateStack, vhost: str) -> None:
    name = vhost.rpartition("/")[2]
    url = lazy_stack.rabbitmq_functions_url.rpartition("/")[0] + f"/{name}"

    assert not refuses(url, lambda channel: channel.basic_publish("mp3converter", "mp3.ready", b"{}", mandatory=True))


@pytest.mark.parametrize("action", [action for action in FORBIDDEN if action not in ("consume", "purge")])
def test_the_connector_user_can_only_consume(lazy_stack: PrivateStack, rabbitmq: str, action: str) -> None:
    assert refuses(lazy_stack.rabbitmq_connector_url, FORBIDDEN[action])
    assert refuses(lazy_stack.rabbitmq_connector_url, lambda channel: channel.basic_publish("mp3converter", "x", b""))
    assert not refuses(lazy_stack.rabbitmq_connector_url, lambda channel: channel.queue_declare("videos", passive=True))


@pytest.mark.parametrize("action", [action for action in FORBIDDEN if action != "look at dead letters"])
def test_the_operator_can_only_read_dead_letters_and_publish(
    lazy_stack: PrivateStack, rabbitmq: str, action: str
) -> None:
    url = lazy_stack.secret("rabbitmq_operator_url")
    assert refuses(url, FORBIDDEN[action])
    assert not refuses(url, lambda channel: [channel.basic_get(name) for name in ("videos.dead", "mp3s.dead")])
    assert not refuses(url, lambda channel: channel.basic_publish("mp3converter", "no.queue", b""))


def test_a_rejected_message_reaches_the_dead_queue(vhost: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("mp3converter", "video.uploaded", b"poison", mandatory=True)
        method, _, _ = next(channel.consume("videos", inactivity_timeout=10))
        channel.basic_nack(method.delivery_tag, requeue=False)
        channel.cancel()

        _, _, body = next(channel.consume("videos.dead", inactivity_timeout=10))

        assert body == b"poison"


def test_a_queue_with_other_arguments_is_reported(vhost: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        connection.channel().queue_delete("videos")
        connection.channel().queue_declare("videos", durable=True, arguments={"x-queue-type": "quorum"})

    with pytest.raises(Exception, match=r"differ from knative/base/definitions\.json"):
        definitions.declare(vhost)


def test_login_can_only_read_and_write_users(lazy_stack: PrivateStack, mysql: str) -> None:
    with mysql_backend.connect(mysql) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO user (email, password) VALUES ('rights@example.org', 'x')")
        cursor.execute("SELECT password FROM user WHERE email = 'rights@example.org'")
        assert cursor.fetchall() == (("x",),)
        for forbidden in ("DELETE FROM user", "DROP TABLE user", "CREATE TABLE t (i INT)", "SELECT 1 FROM mysql.user"):
            with pytest.raises(pymysql.Error, match="denied"):
                cursor.execute(forbidden)


def test_the_database_requires_a_password(lazy_stack: PrivateStack, mysql: str) -> None:
    port = lazy_stack.mysql_url.rpartition(":")[2].partition("/")[0]
    for user in ("root", "login", ""):
        with pytest.raises(pymysql.Error, match="Access denied"):
            mysql_backend.connect(f"mysql://{user}@127.0.0.1:{port}/?tls=none")


def test_the_schema_can_be_applied_again(lazy_stack: PrivateStack, mysql: str) -> None:
    mysql_backend.apply_schema(lazy_stack.mysql_root_url)

    with mysql_backend.connect(mysql) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO user (email, password) VALUES ('once@example.org', 'x')")
        with pytest.raises(pymysql.IntegrityError):
            cursor.execute("INSERT INTO user (email, password) VALUES ('once@example.org', 'y')")


def test_a_killed_database_keeps_acknowledged_writes(lazy_stack: PrivateStack, mongodb: str) -> None:
    with pymongo.MongoClient[dict[str, int]](mongodb) as client:
        client["test_local"]["kept"].insert_many([{"number": number} for number in range(100)])
        lazy_stack.kill("mongodb")
        lazy_stack.await_healthy("mongodb")

        assert client["test_local"]["kept"].count_documents({}) == 100
        client.drop_database("test_local")


@pytest.mark.parametrize("name", ["rabbitmq", "mariadb"])
def test_a_killed_backend_is_restarted(lazy_stack: PrivateStack, rabbitmq: str, mysql: str, name: str) -> None:
    before = lazy_stack.pid(name)

    lazy_stack.kill(name)
    lazy_stack.await_healthy(name)

    assert lazy_stack.pid(name) not in (0, before)


def test_login_keeps_its_rights_after_the_database_was_killed(lazy_stack: PrivateStack, mysql: str) -> None:
    lazy_stack.kill("mariadb")
    lazy_stack.await_healthy("mariadb")

    with mysql_backend.connect(mysql) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM user")


def test_a_broker_that_resets_new_connections_counts_as_down() -> None:
    with resetting() as port:
        assert not rabbitmq_backend.answers(f"amqp://a:b@127.0.0.1:{port}/x")


def test_a_broker_that_goes_down_while_its_queues_are_declared_is_reported() -> None:
    with resetting() as port, pytest.raises(Problem, match="Cannot use RabbitMQ"):
        definitions.declare(f"amqp://a:b@127.0.0.1:{port}/x")

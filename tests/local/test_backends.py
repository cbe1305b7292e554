"""The private backends: what they hold, and who may do what."""

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
    "publish elsewhere": lambda channel: channel.basic_publish("mp3converter.dead", "videos.dead", b"{}"),
}


def comparable(items: list[dict[str, object]]) -> list[str]:
    """Return items in an order and a form that can be compared."""
    # A broker's export repeats a queue's type beside its arguments.
    plain = [{key: item[key] for key in item if (key, item[key]) != ("type", "quorum")} for item in items]
    return sorted(json.dumps(item, sort_keys=True) for item in plain)


def refuses(url: str, deed: Callable[[BlockingChannel], object]) -> bool:
    """Tell whether the broker denies a user's deed."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            deed(channel)
        except pika.exceptions.ChannelClosedByBroker as error:
            return "ACCESS_REFUSED" in error.reply_text
        return False


def test_the_broker_has_exactly_the_topology_of_the_definitions(grounds: PrivateStack, rabbitmq: str) -> None:
    exported = grounds.home / "tmp" / "exported.json"
    rabbitmqctl(grounds.home, "export_definitions", str(exported))
    found, wanted = json.loads(exported.read_text()), definitions.load()

    for kind in ("exchanges", "queues", "bindings"):
        assert comparable([item for item in found[kind] if item["vhost"] == definitions.VHOST]) == comparable(
            wanted[kind]
        )
    assert {user["name"] for user in found["users"]} == {"admin", "functions", "connector", "operator"}


@pytest.mark.parametrize("deed", FORBIDDEN)
def test_the_functions_user_can_only_publish(grounds: PrivateStack, rabbitmq: str, deed: str) -> None:
    assert refuses(grounds.rabbitmq_functions_url, FORBIDDEN[deed])


def test_the_functions_user_publishes(grounds: PrivateStack, vhost: str) -> None:
    name = vhost.rpartition("/")[2]
    url = grounds.rabbitmq_functions_url.rpartition("/")[0] + f"/{name}"

    assert not refuses(url, lambda channel: channel.basic_publish("mp3converter", "mp3.ready", b"{}", mandatory=True))


@pytest.mark.parametrize("deed", [deed for deed in FORBIDDEN if deed not in ("consume", "purge")])
def test_the_connector_user_can_only_consume(grounds: PrivateStack, rabbitmq: str, deed: str) -> None:
    assert refuses(grounds.rabbitmq_connector_url, FORBIDDEN[deed])
    assert refuses(grounds.rabbitmq_connector_url, lambda channel: channel.basic_publish("mp3converter", "x", b""))
    assert not refuses(grounds.rabbitmq_connector_url, lambda channel: channel.queue_declare("videos", passive=True))


@pytest.mark.parametrize("deed", [deed for deed in FORBIDDEN if deed != "look at dead letters"])
def test_the_operator_can_only_look_at_dead_letters_and_publish(
    grounds: PrivateStack, rabbitmq: str, deed: str
) -> None:
    url = grounds.secret("rabbitmq_operator_url")
    assert refuses(url, FORBIDDEN[deed])
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


def test_a_queue_with_other_arguments_is_noticed(vhost: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost)) as connection:
        connection.channel().queue_delete("videos")
        connection.channel().queue_declare("videos", durable=True, arguments={"x-queue-type": "quorum"})

    with pytest.raises(Exception, match=r"differ from knative/base/definitions\.json"):
        definitions.declare(vhost)


@pytest.mark.parametrize(
    ("break_it", "fault"),
    [
        (lambda found: found.pop("queues"), "the list 'queues' is missing"),
        (lambda found: found["queues"].pop(3), "unknown queue 'mp3s.dead'"),
        (lambda found: found["exchanges"].pop(1), "unknown dead-letter exchange 'mp3converter.dead'"),
        (lambda found: found["exchanges"].pop(0), "unknown exchange 'mp3converter'"),
        (lambda found: found["vhosts"][0].update(name="other"), "vhost 'mp3converter' is not declared"),
        (lambda found: found["queues"][3]["arguments"].pop("x-delivery-limit"), "'mp3s.dead' needs x-delivery-limit"),
    ],
)
def test_definitions_that_would_lose_messages_are_refused(
    break_it: Callable[[dict[str, list[dict[str, str]]]], object], fault: str
) -> None:
    found = definitions.load()
    break_it(found)

    assert fault in "; ".join(definitions.check(found))


def test_login_may_read_and_write_users_and_nothing_else(grounds: PrivateStack, mysql: str) -> None:
    with mysql_backend.connect(mysql) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO user (email, password) VALUES ('rights@example.org', 'x')")
        cursor.execute("SELECT password FROM user WHERE email = 'rights@example.org'")
        assert cursor.fetchall() == (("x",),)
        for forbidden in ("DELETE FROM user", "DROP TABLE user", "CREATE TABLE t (i INT)", "SELECT 1 FROM mysql.user"):
            with pytest.raises(pymysql.Error, match="denied"):
                cursor.execute(forbidden)


def test_nobody_enters_the_database_without_a_password(grounds: PrivateStack, mysql: str) -> None:
    port = grounds.mysql_url.rpartition(":")[2].partition("/")[0]
    for user in ("root", "login", ""):
        with pytest.raises(pymysql.Error, match="Access denied"):
            mysql_backend.connect(f"mysql://{user}@127.0.0.1:{port}/")


def test_the_schema_can_be_applied_again(grounds: PrivateStack, mysql: str) -> None:
    mysql_backend.apply_schema(grounds.mysql_root_url)

    with mysql_backend.connect(mysql) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO user (email, password) VALUES ('once@example.org', 'x')")
        with pytest.raises(pymysql.IntegrityError):
            cursor.execute("INSERT INTO user (email, password) VALUES ('once@example.org', 'y')")


def test_a_killed_database_keeps_what_it_acknowledged(grounds: PrivateStack, mongodb: str) -> None:
    with pymongo.MongoClient[dict[str, int]](mongodb) as client:
        client["test_local"]["kept"].insert_many([{"number": number} for number in range(100)])
        grounds.kill("mongodb")
        grounds.await_healthy("mongodb")

        assert client["test_local"]["kept"].count_documents({}) == 100
        client.drop_database("test_local")


@pytest.mark.parametrize("name", ["rabbitmq", "mariadb"])
def test_a_killed_backend_comes_back_by_itself(grounds: PrivateStack, rabbitmq: str, mysql: str, name: str) -> None:
    before = grounds.pid(name)

    grounds.kill(name)
    grounds.await_healthy(name)

    assert grounds.pid(name) not in (0, before)


def test_login_keeps_its_rights_when_the_database_was_killed(grounds: PrivateStack, mysql: str) -> None:
    grounds.kill("mariadb")
    grounds.await_healthy("mariadb")

    with mysql_backend.connect(mysql) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM user")


def test_a_rabbitmq_that_resets_a_connection_as_it_opens_does_not_answer() -> None:
    with resetting() as port:
        assert not rabbitmq_backend.answers(f"amqp://a:b@127.0.0.1:{port}/x")


def test_a_rabbitmq_that_goes_away_before_it_has_its_queues_is_a_problem() -> None:
    with resetting() as port, pytest.raises(Problem, match="RabbitMQ cannot be used"):
        definitions.declare(f"amqp://a:b@127.0.0.1:{port}/x")

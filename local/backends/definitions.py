"""RabbitMQ's topology: knative/base/definitions.json read, checked, given users, compared with what a broker has."""

import base64
import hashlib
import json
import secrets
from typing import Any

import pika
import pika.exceptions
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from local.home import ROOT
from local.problem import Problem

FILE = ROOT / "knative" / "base" / "definitions.json"
NAME = FILE.relative_to(ROOT)
VHOST = "mp3converter"
LOOKS = 1_000_000  # at a dead letter; there is no number for any
KINDS = ("vhosts", "exchanges", "queues", "bindings")
# Nobody but the admin may declare anything; functions publish, the connector consumes, an operator replays.
RIGHTS = {
    "admin": {"configure": ".*", "write": ".*", "read": ".*"},
    "functions": {"configure": "^$", "write": "^mp3converter$", "read": "^$"},
    "connector": {"configure": "^$", "write": "^$", "read": "^(videos|mp3s)$"},
    "operator": {"configure": "^$", "write": "^mp3converter$", "read": r"^(videos|mp3s)\.dead$"},
}


def load() -> dict[str, Any]:
    """Return the definitions, after checking what RabbitMQ itself would ignore without a word."""
    try:
        found: dict[str, Any] = json.loads(FILE.read_text())
    except (OSError, ValueError) as error:
        raise Problem(f"{NAME} is no valid JSON: {error}. Restore it with: git checkout {FILE}") from error
    faults = check(found)
    if faults:
        raise Problem(f"{NAME} is wrong: {'; '.join(faults)}.")
    return found


def check(found: dict[str, Any]) -> list[str]:
    """Return what is wrong with definitions: a broker boots without error from broken ones, and then loses messages."""
    faults = [
        f"the list {key!r} is missing" for key in ("vhosts", "exchanges", "queues", "bindings") if not found.get(key)
    ]
    if faults:
        return faults
    vhosts = {vhost["name"] for vhost in found["vhosts"]}
    exchanges = {exchange["name"] for exchange in found["exchanges"]}
    queues = {queue["name"] for queue in found["queues"]}
    everything = [*found["exchanges"], *found["queues"], *found["bindings"]]
    faults += [f"vhost {item['vhost']!r} is not declared" for item in everything if item["vhost"] not in vhosts]
    for binding in found["bindings"]:
        if binding["source"] not in exchanges:
            faults.append(f"a binding comes from the unknown exchange {binding['source']!r}")
        if binding["destination"] not in queues:
            faults.append(f"a binding leads to the unknown queue {binding['destination']!r}")
    for queue in found["queues"]:
        target = queue["arguments"].get("x-dead-letter-exchange")
        if target is not None and target not in exchanges:
            faults.append(f"queue {queue['name']!r} has the unknown dead-letter exchange {target!r}")
    return faults + _impatient(found)


def _impatient(found: dict[str, Any]) -> list[str]:
    """Return which queues would lose dead letters that were looked at too often: from version 4 on, 20 times."""
    exchanges = {queue["arguments"].get("x-dead-letter-exchange") for queue in found["queues"]}
    dead = {binding["destination"] for binding in found["bindings"] if binding["source"] in exchanges}
    limits = {queue["name"]: queue["arguments"].get("x-delivery-limit", 20) for queue in found["queues"]}
    return [
        f"queue {name!r} needs x-delivery-limit {LOOKS}" for name in sorted(dead) if limits.get(name, LOOKS) < LOOKS
    ]


def with_users(passwords: dict[str, str]) -> str:
    """Return the definitions as JSON with our users and their rights."""
    users = [
        {
            "name": user,
            "password_hash": password_hash(password),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "administrator" if user == "admin" else "",
        }
        for user, password in passwords.items()
    ]
    return json.dumps({**load(), "users": users, "permissions": _permissions(VHOST)}, indent=1)


def in_vhost(vhost: str) -> str:
    """Return the same topology and rights in another virtual host, as JSON."""
    kinds = {kind: [{**item, "vhost": vhost} for item in load()[kind]] for kind in ("exchanges", "queues", "bindings")}
    return json.dumps({"vhosts": [{"name": vhost}], "permissions": _permissions(vhost), **kinds})


# What pika raises for a broker that is away or goes away; a ValueError for a connection that is reset as it opens.
AWAY = (pika.exceptions.AMQPError, AMQPConnectorException, ValueError, OSError)


def _permissions(vhost: str) -> list[dict[str, str]]:
    return [{"user": user, "vhost": vhost, **rights} for user, rights in RIGHTS.items()]


def password_hash(password: str) -> str:
    """Hash a password the way RabbitMQ keeps them."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def declare(url: str) -> None:
    """Make sure that the broker has exactly this topology: create what is missing, refuse what differs.

    A changed argument of a queue is ignored when a broker loads definitions; declaring the queue shows it.
    """
    wanted, parameters = load(), pika.URLParameters(url)
    try:
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            for exchange in wanted["exchanges"]:
                channel.exchange_declare(exchange["name"], exchange["type"], durable=exchange["durable"])
            for queue in wanted["queues"]:
                channel.queue_declare(queue["name"], durable=queue["durable"], arguments=queue["arguments"])
            for binding in wanted["bindings"]:
                channel.queue_bind(binding["destination"], binding["source"], binding["routing_key"])
    except pika.exceptions.ChannelClosedByBroker as error:
        raise Problem(
            f"RabbitMQ's exchanges or queues differ from {NAME}: {error.reply_text}. "
            "Delete the queue named there in your broker, or, for the private one: ./local/down --purge"
        ) from error
    except AWAY as error:
        raise Problem(f"RabbitMQ cannot be used: {error!r}. Look at: ./local/logs rabbitmq") from error

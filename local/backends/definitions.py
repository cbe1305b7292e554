"""RabbitMQ's topology: loads and checks knative/base/definitions.json, adds users, compares it with a broker."""

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
# Of the dead-letter queues: listing a letter counts as a delivery, and the limit cannot be turned off.
MIN_DELIVERY_LIMIT = 1_000_000
KINDS = ("vhosts", "exchanges", "queues", "bindings")
# Only the admin may declare anything; functions publish, the connector consumes, an operator replays.
PERMISSIONS = {
    "admin": {"configure": ".*", "write": ".*", "read": ".*"},
    "functions": {"configure": "^$", "write": "^mp3converter$", "read": "^$"},
    "connector": {"configure": "^$", "write": "^$", "read": "^(videos|mp3s)$"},
    "operator": {"configure": "^$", "write": "^mp3converter$", "read": r"^(videos|mp3s)\.dead$"},
}


def load() -> dict[str, Any]:
    """Return the definitions, after checking for errors that RabbitMQ would silently ignore."""
    try:
        found: dict[str, Any] = json.loads(FILE.read_text())
    except (OSError, ValueError) as error:
        raise Problem(f"{NAME} is not valid JSON: {error}. Restore it with: git checkout {FILE}") from error
    errors = check(found)
    if errors:
        raise Problem(f"{NAME} has errors: {'; '.join(errors)}.")
    return found


def check(found: dict[str, Any]) -> list[str]:
    """Return the errors in definitions: a broker starts without complaint from broken ones, and then loses messages."""
    errors = [
        f"the list {key!r} is missing" for key in ("vhosts", "exchanges", "queues", "bindings") if not found.get(key)
    ]
    if errors:
        return errors
    vhosts = {vhost["name"] for vhost in found["vhosts"]}
    exchanges = {exchange["name"] for exchange in found["exchanges"]}
    queues = {queue["name"] for queue in found["queues"]}
    everything = [*found["exchanges"], *found["queues"], *found["bindings"]]
    errors += [f"vhost {item['vhost']!r} is not declared" for item in everything if item["vhost"] not in vhosts]
    for binding in found["bindings"]:
        if binding["source"] not in exchanges:
            errors.append(f"a binding has the unknown source {binding['source']!r}")
        if binding["destination"] not in queues:
            errors.append(f"a binding has the unknown destination {binding['destination']!r}")
    for queue in found["queues"]:
        target = queue["arguments"].get("x-dead-letter-exchange")
        if target is not None and target not in exchanges:
            errors.append(f"queue {queue['name']!r} has the unknown dead-letter exchange {target!r}")
    return errors + _low_delivery_limits(found)


def _low_delivery_limits(found: dict[str, Any]) -> list[str]:
    """Return the dead-letter queues with a low limit: RabbitMQ 4 drops messages after 20 deliveries by default."""
    exchanges = {queue["arguments"].get("x-dead-letter-exchange") for queue in found["queues"]}
    dead = {binding["destination"] for binding in found["bindings"] if binding["source"] in exchanges}
    limits = {queue["name"]: queue["arguments"].get("x-delivery-limit", 20) for queue in found["queues"]}
    return [
        f"queue {name!r} needs x-delivery-limit {MIN_DELIVERY_LIMIT}"
        for name in sorted(dead)
        if limits.get(name, MIN_DELIVERY_LIMIT) < MIN_DELIVERY_LIMIT
    ]


def with_users(passwords: dict[str, str]) -> str:
    """Return the definitions as JSON, with users and their permissions."""
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
    """Return the same topology and permissions for another virtual host, as JSON."""
    kinds = {kind: [{**item, "vhost": vhost} for item in load()[kind]] for kind in ("exchanges", "queues", "bindings")}
    return json.dumps({"vhosts": [{"name": vhost}], "permissions": _permissions(vhost), **kinds})


# What pika raises if a broker is unavailable; ValueError if the connection is reset while it opens.
CONNECTION_ERRORS = (pika.exceptions.AMQPError, AMQPConnectorException, ValueError, OSError)


def _permissions(vhost: str) -> list[dict[str, str]]:
    return [{"user": user, "vhost": vhost, **permissions} for user, permissions in PERMISSIONS.items()]


def password_hash(password: str) -> str:
    """Hash a password in RabbitMQ's format."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def declare(url: str) -> None:
    """Make the broker's topology match: create what is missing, raise Problem if something differs.

    RabbitMQ ignores a changed queue argument when it loads definitions; declaring the queue reports it.
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
            "Delete that queue in your broker, or reset the private broker with: ./local/down --purge"
        ) from error
    except CONNECTION_ERRORS as error:
        raise Problem(f"Cannot use RabbitMQ: {error!r}. See: ./local/logs rabbitmq") from error

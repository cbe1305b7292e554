"""Every Secret that the manifests name, with fresh passwords and keys."""

import json
import secrets
import time
from typing import Any

from local import stack_file, token_keys
from local.backends import mysql as mysql_backend
from local.cluster.addresses import DATABASE, EVENTS, FUNCTIONS, VHOST
from local.home import ROOT

BASE = ROOT / "knative" / "base"
# Knative's sources cannot send it; there, network policies say who may send events.
EVENT_TOKEN = "event-token"  # noqa: S105 - its name
CONNECTOR = "rabbitmq-connector"
MIGRATION_URL = "mysql-migrate-url"
OTHER_BROKER_USERS = ("videos", "mp3s", "operator")
# The topology operator refuses credentials without it.
LABELS = {"rabbitmq.com/topology-operator": "true"}


def make(mongodb: str, mysql: str, rabbitmq: str, smtp_url: str) -> list[dict[str, Any]]:
    """Return the Secrets of all functions, as stack.yml lists them, of RabbitMQ's users and the databases' admins."""
    roles = json.loads((BASE / "roles.json").read_text())
    entries = stack_file.functions().items()
    wanted = {function: [name for name in entry["secrets"] if name != EVENT_TOKEN] for function, entry in entries}
    publishers = [function for function, names in wanted.items() if "rabbitmq-url" in names]
    mongodb_passwords = {role: _password() for role in roles}
    rabbitmq_passwords = {user: _password() for user in (*publishers, *OTHER_BROKER_USERS)}
    mysql_passwords = {user: _password() for user in mysql_backend.USERS}
    mysql_urls = {f"mysql-{user}-url": f"mysql://{user}:{word}@{mysql}" for user, word in mysql_passwords.items()}
    mongodb_urls = {
        f"mongodb-{role}-url": f"mongodb://{role}:{word}@{mongodb}" for role, word in mongodb_passwords.items()
    }
    shared = _shared(mysql_urls, smtp_url) | mongodb_urls

    def value(name: str, function: str) -> str:
        if name == "mongodb-url":
            return mongodb_urls[f"mongodb-{function}-url"]
        if name == "rabbitmq-url":
            return f"amqp://{function}:{rabbitmq_passwords[function]}@{rabbitmq}:5672/{VHOST}"
        return shared[name]

    values = {function: {name: value(name, function) for name in names} for function, names in wanted.items()}
    values["mysql-admin"] = {
        "password": _password(),
        "users.sql": users_sql(mysql_passwords),
        MIGRATION_URL: mysql_urls[MIGRATION_URL],
    }
    values["mongodb-admin"] = {
        "password": _password(),
        "key": secrets.token_hex(32),  # mongod takes the characters of base64 in a key file, and neither - nor _
        "users.js": users_js(roles, mongodb_passwords),
    }
    broker = {
        f"rabbitmq-{user}": {"uri": f"http://{rabbitmq}:15672", "port": "5672", "username": user, "password": password}
        for user, password in rabbitmq_passwords.items()
    }
    return [
        *(_secret(name, FUNCTIONS, data, {}) for name, data in values.items()),
        *(_secret(name, EVENTS, data, LABELS) for name, data in broker.items()),
    ]


def _shared(mysql_urls: dict[str, str], smtp_url: str) -> dict[str, str]:
    """Return the secrets that are the same for every function that has them."""
    key = token_keys.private_key()
    return {
        "metrics-token": _password(),
        "signup-token": _password(),
        "link-secret": _password(),
        "jwt-private-key": key,
        "jwt-public-keys": token_keys.dumped(token_keys.with_new([], key, time.time())),
        "mysql-url": mysql_urls["mysql-login-url"],
        **mysql_urls,
        "smtp-url": smtp_url,
    }


def make_for_openfaas(mongodb: str, mysql: str, rabbitmq: str, smtp_url: str) -> list[dict[str, Any]]:
    """Return the same and two more: its functions share one URL of MongoDB, and a connector reads both queues."""
    made = make(mongodb, mysql, rabbitmq, smtp_url)
    admin = next(secret["stringData"] for secret in made if secret["metadata"]["name"] == "mongodb-admin")
    shared, password = _password(), _password()
    user = {"user": "functions", "pwd": shared, "roles": sorted(json.loads((BASE / "roles.json").read_text()))}
    admin["users.js"] += f'db.getUser("functions") || db.createUser({json.dumps(user)});\n'
    connector = {
        "username": "connector",
        "password": password,
        "rabbitmq-url": f"amqp://connector:{password}@{rabbitmq}:5672/{VHOST}",
        **event_token(),
    }
    return [
        *made,
        _secret("functions", FUNCTIONS, {"mongodb-url": f"mongodb://functions:{shared}@{mongodb}"}, {}),
        _secret(CONNECTOR, EVENTS, connector, LABELS),
    ]


def event_token() -> dict[str, str]:
    """Return the token that the connector sends with events."""
    return {EVENT_TOKEN: _password()}


def users_sql(passwords: dict[str, str]) -> str:
    """Return what MySQL's admin runs in a new database: its tables, and the users with the rights of grants.sql."""
    users = [
        f"CREATE USER IF NOT EXISTS '{user}'@'%';\nALTER USER '{user}'@'%' IDENTIFIED BY '{password}';\n"
        for user, password in passwords.items()
    ]
    return "".join([(BASE / "schema.sql").read_text(), *users, (BASE / "grants.sql").read_text()])


def users_js(roles: dict[str, dict[str, list[str]]], passwords: dict[str, str]) -> str:
    """Return what MongoDB's admin runs in the database, once or again: a role for each function, and its user."""
    lines = []
    for role, collections in roles.items():
        user = {"user": role, "pwd": passwords[role], "roles": [role]}
        made = create_role(role, collections)
        name, privileges = json.dumps(role), json.dumps({"privileges": made["privileges"]})
        lines.append(f"db.getRole({name}) ? db.updateRole({name}, {privileges}) : db.createRole({json.dumps(made)});")
        lines.append(f"db.getUser({json.dumps(role)}) || db.createUser({json.dumps(user)});")
    return "\n".join(lines) + "\n"


def create_role(role: str, collections: dict[str, list[str]], database: str = DATABASE) -> dict[str, Any]:
    """Return MongoDB's description of a role."""
    privileges = [
        {"resource": {"db": database, "collection": collection}, "actions": actions}
        for collection, actions in collections.items()
    ]
    return {"role": role, "privileges": privileges, "roles": []}


def _secret(name: str, namespace: str, values: dict[str, str], labels: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} | ({"labels": labels} if labels else {})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": values}


def _password() -> str:
    return secrets.token_urlsafe(32)  # fit for a URL: RabbitmqSource pastes it into one unescaped

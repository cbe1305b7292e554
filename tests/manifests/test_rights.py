"""Each function's users may do what the function needs and nothing else, on real servers."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pika
import pymongo
import pymysql
import pytest
from pika.exceptions import ChannelClosedByBroker, ProbableAccessDeniedError
from pymongo.errors import OperationFailure

from functions.backends.mysql import Connections
from functions.backends.users import Users
from functions.common.settings import Database
from local.backends import definitions
from local.backends import mysql as mysql_backend
from local.cluster import credentials
from tests.local.private import PrivateStack
from tests.local.vhosts import rabbitmqctl
from tests.manifests.building import KNATIVE, ROOT, objects
from tests.manifests.topology import permissions

PASSWORD = "correct-horse"
EXCHANGES = ("mp3converter", "mp3converter.dead", "")
QUEUES = ("videos", "mp3s", "videos.dead", "mp3s.dead")
PUBLISHES, READS = {"mp3converter"}, set[str]()
RIGHTS = {
    "upload": (PUBLISHES, READS),
    "convert": (PUBLISHES, READS),
    "jobs": (PUBLISHES, READS),
    "sweep": (PUBLISHES, READS),
    "videos": (set(), {"videos"}),
    "mp3s": (set(), {"mp3s"}),
    "operator": (PUBLISHES, {"videos.dead", "mp3s.dead"}),
}


CHANGES = ["DROP TABLE user", "TRUNCATE user", "ALTER TABLE user ADD x INT", "CREATE TABLE x (y INT)"]
FORBIDDEN = ["SELECT * FROM mysql.user", "CREATE DATABASE x", "CREATE USER x", "GRANT SELECT ON user TO 'login'@'%'"]
# What each may do with the tables: statements that it needs, and some that it must not run.
ALLOWED = {
    "login": [
        "SELECT * FROM api_key",
        "INSERT INTO login_failure VALUES (x'00', 1, NULL, UTC_TIMESTAMP())",
        "DELETE FROM login_failure WHERE subject = x'00'",
        "DELETE FROM mail_token WHERE user_id = 0",
    ],
    "reader": [
        "SELECT user_id, email FROM valid_key WHERE hash = x'00'",
        "SELECT user_id FROM no_mails",
        "SELECT wanted, url FROM webhook WHERE user_id = 0",
    ],
    "sweep": [
        "SELECT id FROM user WHERE state = 'closing' AND remove_after < UTC_TIMESTAMP()",
        "DELETE FROM user WHERE id = 0 AND state = 'closing'",
        "DELETE FROM api_key WHERE user_id = 0",
        "DELETE FROM api_key WHERE revoked_at IS NOT NULL AND expires_at < UTC_TIMESTAMP()",
        "DELETE FROM mail_token WHERE user_id = 0",
    ],
}
DENIED = {
    "login": [*CHANGES, "DELETE FROM user", "DELETE FROM api_key"],
    "reader": [
        *CHANGES,
        "SELECT * FROM user",
        "SELECT * FROM api_key",
        "SELECT * FROM mail_token",
        "SELECT * FROM login_failure",
    ],
    "migrate": ["UPDATE user SET password = ''", "DELETE FROM user"],
    "sweep": [
        *CHANGES,
        "SELECT password FROM user",
        "SELECT email FROM user",
        "UPDATE user SET mails = 0",
        "SELECT * FROM api_key",
    ],
}


@pytest.fixture(scope="module")
def mysql_users(mysql: str, lazy_stack: PrivateStack) -> Iterator[dict[str, str]]:
    """The URL of each user with its rights from users.sql, under names of their own."""
    names = {user: f"{user}-{secrets.token_hex(4)}" for user in mysql_backend.USERS}
    text = credentials.users_sql(dict.fromkeys(names, PASSWORD))
    for user, name in names.items():
        text = text.replace(f"'{user}'", f"'{name}'")
    host = urlsplit(mysql).netloc.rpartition("@")[2]
    with mysql_backend.connect(lazy_stack.mysql_root_url) as connection, connection.cursor() as cursor:
        for statement in filter(str.strip, text.split(";")):
            cursor.execute(statement)
        yield {
            user: urlsplit(mysql)._replace(netloc=f"{name}:{PASSWORD}@{host}").geturl() for user, name in names.items()
        }
        for name in names.values():
            cursor.execute(f"DROP USER '{name}'@'%'")


def test_login_can_do_its_work(mysql_users: dict[str, str]) -> None:
    users, email = Users(Connections(Database(mysql_users["login"], 5.0))), f"{secrets.token_hex(6)}@example.org"
    added = users.add(email, "x")
    found = users.find(email)
    assert found is not None
    assert (found.id, found.email, found.password) == (added.id, email, "x")
    assert users.change_password(added, "y")


@pytest.mark.attack("S7")
@pytest.mark.parametrize(("user", "statement"), [(user, each) for user in ALLOWED for each in ALLOWED[user]])
def test_a_user_of_mysql_can_do_its_work(mysql_users: dict[str, str], user: str, statement: str) -> None:
    with mysql_backend.connect(mysql_users[user]) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.attack("S7")
@pytest.mark.parametrize(("user", "statement"), [(user, each) for user in DENIED for each in FORBIDDEN + DENIED[user]])
def test_a_user_of_mysql_can_do_nothing_else(mysql_users: dict[str, str], user: str, statement: str) -> None:
    with (
        mysql_backend.connect(mysql_users[user]) as connection,
        connection.cursor() as cursor,
        pytest.raises(pymysql.Error, match="denied"),
    ):
        cursor.execute(statement)


@pytest.mark.attack("S7")
def test_the_user_that_migrates_needs_no_other_rights(mysql: str, lazy_stack: PrivateStack) -> None:
    """From the first version's table on, and again; the views that it makes work for those who read them."""
    suffix = secrets.token_hex(4)
    database, host = f"migrated_{suffix}", urlsplit(mysql).netloc.rpartition("@")[2]
    rights = (KNATIVE / "base" / "grants.sql").read_text().replace("mp3converter.", f"{database}.").split(";")
    urls = {}
    with mysql_backend.connect(lazy_stack.mysql_root_url) as connection, connection.cursor() as cursor:

        def add(user: str) -> None:
            cursor.execute(f"CREATE USER '{user}-{suffix}'@'%' IDENTIFIED BY '{PASSWORD}'")
            for right in rights:
                if f"'{user}'" in right:
                    cursor.execute(right.replace(f"'{user}'", f"'{user}-{suffix}'"))
            parts = urlsplit(mysql)._replace(netloc=f"{user}-{suffix}:{PASSWORD}@{host}", path=f"/{database}")
            urls[user] = parts.geturl()

        cursor.execute(f"CREATE DATABASE {database}")
        try:
            cursor.execute(f"USE {database}")
            cursor.execute("CREATE TABLE user (id INT PRIMARY KEY, email VARCHAR(254), password TEXT)")
            cursor.execute("INSERT INTO user VALUES (7, 'a@example.org', 'x')")
            add("migrate")
            for _ in range(2):
                done = subprocess.run(
                    [sys.executable, "-m", "functions.login", "migrate"],
                    cwd=ROOT,
                    env={"MYSQL_URL": urls["migrate"]},
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                assert (done.returncode, done.stdout) == (0, "The tables are up to date.\n"), done.stderr
            add("reader")
            cursor.execute("UPDATE user SET mails = FALSE")
            with mysql_backend.connect(urls["reader"]) as reading, reading.cursor() as reader:
                assert reader.execute("SELECT * FROM valid_key") == 0
                assert reader.execute("SELECT * FROM no_mails WHERE user_id = 7") == 1
                reader.execute("SELECT wanted, url FROM webhook WHERE user_id = 7")
                assert reader.fetchall() == ((1, None),)
        finally:
            for user in urls:
                cursor.execute(f"DROP USER '{user}-{suffix}'@'%'")
            cursor.execute(f"DROP DATABASE {database}")


@pytest.fixture(scope="module")
def broker(rabbitmq: str, lazy_stack: PrivateStack) -> Iterator[Any]:
    """A function that returns the URL of each user, in a new virtual host."""
    vhost = f"rights-{secrets.token_hex(4)}"
    found = permissions(objects(KNATIVE / "base"))
    given = json.loads(definitions.in_vhost(vhost)) | {
        "users": [
            {
                "name": f"{vhost}-{entry['user']}",
                "password_hash": definitions.password_hash(PASSWORD),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
            for entry in found
        ],
        "permissions": [{**entry, "vhost": vhost, "user": f"{vhost}-{entry['user']}"} for entry in found],
    }
    file = lazy_stack.home / "tmp" / f"{vhost}.json"
    file.write_text(json.dumps(given))
    rabbitmqctl(lazy_stack.home, "import_definitions", str(file))
    host = urlsplit(rabbitmq).netloc.rpartition("@")[2]
    yield lambda user: f"amqp://{vhost}-{user}:{PASSWORD}@{host}/{quote(vhost, safe='')}"
    for entry in given["users"]:
        rabbitmqctl(lazy_stack.home, "delete_user", entry["name"])
    rabbitmqctl(lazy_stack.home, "delete_vhost", vhost)


def test_every_user_of_the_broker_is_tested() -> None:
    assert {entry["user"] for entry in permissions(objects(KNATIVE / "base"))} == set(RIGHTS)


@pytest.mark.attack("E10")
@pytest.mark.parametrize("user", RIGHTS)
def test_a_user_publishes_and_reads_only_what_it_needs(broker: Any, user: str) -> None:
    publishes, reads = RIGHTS[user]
    assert {exchange for exchange in EXCHANGES if _allowed(broker(user), _publish, exchange)} == publishes
    assert {queue for queue in QUEUES if _allowed(broker(user), _read, queue)} == reads
    assert not _allowed(broker(user), _declare, "x")
    assert not _allowed(broker(user), _delete, "videos")


def _allowed(url: str, act: Any, name: str) -> bool:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            act(channel, name)
        except ChannelClosedByBroker as error:
            if error.reply_code != 403:
                raise
            return False
        except ProbableAccessDeniedError:
            return False
    return True


def _publish(channel: Any, exchange: str) -> None:
    channel.basic_publish(exchange, "nowhere", b"{}")


def _read(channel: Any, queue: str) -> None:
    channel.basic_get(queue)


def _declare(channel: Any, queue: str) -> None:
    channel.queue_declare(queue)


def _delete(channel: Any, queue: str) -> None:
    channel.queue_delete(queue)


ROLES = json.loads((KNATIVE / "base" / "roles.json").read_text())
ACTIONS = {
    "find": lambda collection: collection.find_one({}),
    "insert": lambda collection: collection.insert_one({}),
    "update": lambda collection: collection.update_one({"_id": 0}, {"$set": {"x": 1}}),
    "remove": lambda collection: collection.delete_one({"_id": 0}),
    "createIndex": lambda collection: collection.create_index("x"),
    "dropIndex": lambda collection: collection.drop_indexes(),
}


@pytest.mark.attack("S7")
@pytest.mark.requires("MONGODB_URL" not in os.environ, "roles on MongoDB's own server: set MONGODB_URL")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_what_it_lists(role: str) -> None:
    url = os.environ["MONGODB_URL"]
    name = f"rights-{secrets.token_hex(4)}"
    collections = sorted({collection for given in ROLES.values() for collection in given} | {"users"})
    with pymongo.MongoClient[Any](url) as admin:
        database = admin[name]
        made = credentials.create_role(role, ROLES[role], name)
        database.command("createRole", made["role"], privileges=made["privileges"], roles=[])
        database.command("createUser", role, pwd=PASSWORD, roles=[role])
        try:
            with pymongo.MongoClient[Any](url, username=role, password=PASSWORD, authSource=name) as client:
                found = {(place, act) for place in collections for act in ACTIONS if _may(client[name][place], act)}
        finally:
            database.command("dropAllUsersFromDatabase")
            database.command("dropAllRolesFromDatabase")
            admin.drop_database(name)
    assert found == {(place, act) for place, acts in ROLES[role].items() for act in acts}


def _may(collection: Any, action: str) -> bool:
    try:
        ACTIONS[action](collection)
    except OperationFailure as error:
        if error.code != 13:
            raise
        return False
    return True

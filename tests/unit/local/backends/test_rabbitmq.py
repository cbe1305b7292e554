"""The private broker: its users' URLs, and a configuration that stays in the home and on the loopback interface."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pika
import pytest

from local.backends import rabbitmq
from local.home import Home
from local.secret_files import SecretFiles

PORTS = {"rabbitmq": 23001, "rabbitmq-dist": 23010, "epmd": 23002}
PASSWORD = "a/b:c@d%"


@pytest.fixture
def secrets(home: Home) -> SecretFiles:
    found = SecretFiles(home)
    for user in rabbitmq.USERS:
        found.write(f"rabbitmq_{user}_password", PASSWORD)
    return found


def test_passwords_and_vhosts_are_escaped_in_urls(secrets: SecretFiles) -> None:
    found = pika.URLParameters(rabbitmq.user_url("operator", PORTS, secrets, vhost="a/b"))
    assert (found.credentials.username, found.credentials.password) == ("operator", PASSWORD)
    assert (found.host, found.port, found.virtual_host) == ("127.0.0.1", 23001, "a/b")


def test_every_path_is_in_the_home(home: Home) -> None:
    """Nothing is written to a broker of the machine, and no configuration of it is read."""
    found = rabbitmq.environment(home, PORTS)
    paths = [value for value in found.values() if value.startswith("/")]
    assert len(paths) > 8
    assert all(Path(path).is_relative_to(home.path) for path in paths)


def test_the_ports_are_those_that_were_assigned(home: Home) -> None:
    found = rabbitmq.environment(home, PORTS)
    assert {name: found[name] for name in found if "PORT" in name} == {
        "RABBITMQ_NODE_PORT": "23001",
        "RABBITMQ_DIST_PORT": "23010",
        "ERL_EPMD_PORT": "23002",
        "RABBITMQ_CTL_DIST_PORT_MIN": "23011",
        "RABBITMQ_CTL_DIST_PORT_MAX": "23021",
    }
    assert found["RABBITMQ_NODE_IP_ADDRESS"] == found["ERL_EPMD_ADDRESS"] == "127.0.0.1"


def test_the_configuration_is_written_before_the_broker_starts(home: Home, secrets: SecretFiles) -> None:
    backend = rabbitmq.private(home, PORTS, secrets, heartbeat_seconds=7)
    folder = home.data / "rabbitmq"
    assert not folder.exists()
    backend.prepare()
    lines = (folder / "rabbitmq.conf").read_text().splitlines()
    settings = dict(re.split(r"\s*=\s*", line) for line in lines)
    assert (settings["listeners.tcp.1"], settings["heartbeat"]) == ("127.0.0.1:23001", "7")
    users = json.loads(Path(settings["load_definitions"]).read_text())["users"]
    assert [user["name"] for user in users] == list(rabbitmq.USERS)
    assert Path(settings["load_definitions"]).stat().st_mode & 0o777 == 0o600


def test_the_port_mapper_starts_before_the_broker(home: Home, secrets: SecretFiles) -> None:
    programs = rabbitmq.private(home, PORTS, secrets).programs
    assert [program.name for program in sorted(programs, key=lambda program: program.order)] == ["epmd", "rabbitmq"]
    assert programs[0].command == ["epmd", "-address", "127.0.0.1", "-port", "23002"]


def test_an_unreachable_broker_does_not_answer() -> None:
    assert not rabbitmq.answers("amqp://a:b@127.0.0.1:1/x")

"""What both platforms need: the Secrets, the backends that must be ready, the doors to try the system through."""

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
import yaml

from local import web
from local.cluster.addresses import EVENTS, FUNCTIONS
from local.cluster.kubectl import Kubectl
from local.ports import HOST
from local.problem import Problem

READY_SECONDS = 900
ANSWER_SECONDS, PAUSE_SECONDS = 30.0, 0.2


def make_secrets(kubectl: Kubectl, made: list[dict[str, Any]]) -> bool:
    """Make the Secrets, unless they are there; tell whether they were made."""
    wanted = {(secret["metadata"]["namespace"], secret["metadata"]["name"]) for secret in made}
    found = {(space, name) for space in (FUNCTIONS, EVENTS) for name in kubectl.names("secret", space)} & wanted
    if found == wanted:
        return False
    if found:
        # Half of them fit nothing: each password is in two places.
        raise Problem(
            f"Only some of the Secrets are there: {', '.join(sorted(name for _, name in found))}. "
            f"Delete the namespaces {FUNCTIONS} and {EVENTS} (and with them their data), then try again."
        )
    kubectl.run("create", "-f", "-", given=yaml.safe_dump_all(made))
    return True


def make_namespaces(kubectl: Kubectl, *names: str) -> None:
    """Make namespaces; what applies later gives them their labels."""
    for name in names:
        kubectl.apply(
            "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        )


def wait_for_backends(kubectl: Kubectl) -> None:
    """Wait for the databases, RabbitMQ and its topology."""
    for what in ("statefulset/mysql", "statefulset/mongodb", "deployment/mailpit"):
        kubectl.rollout(FUNCTIONS, what, READY_SECONDS)
    kubectl.wait(EVENTS, "AllReplicasReady", "rabbitmqclusters.rabbitmq.com", READY_SECONDS)
    for kind in ("vhosts", "users", "permissions", "exchanges", "queues", "bindings"):
        kubectl.wait(EVENTS, "Ready", f"{kind}.rabbitmq.com", READY_SECONDS)


@dataclass(frozen=True)
class Door:
    """A port of this machine that leads to a service."""

    namespace: str
    service: str
    port: int
    local: int

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://localhost:{self.local}"


@contextmanager
def open_doors(kubectl: Kubectl, *doors: Door) -> Iterator[None]:
    """Carry ports of this machine to services for a while."""
    with ExitStack() as stack:
        for door in doors:
            process = kubectl.forward(door.namespace, door.service, f"{door.local}:{door.port}")
            stack.callback(process.wait)
            stack.callback(process.terminate)
            if not _listens(door.local, process):
                raise Problem(
                    f"kubectl could not carry port {door.local} of this machine to {door.service}; is it free?"
                )
        yield


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + ANSWER_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return process.poll() is None
        time.sleep(PAUSE_SECONDS)
    return False


def add_user(url: str, signup_token: str) -> tuple[str, str]:
    """Add a user that the tests are."""
    email, password = f"tester-{secrets.token_hex(4)}@example.org", secrets.token_urlsafe(12)
    headers = {"Authorization": f"Bearer {signup_token}"}
    try:
        answer = web.call("POST", f"{url}/users", json={"email": email, "password": password}, headers=headers)
    except requests.RequestException as error:
        raise Problem(f"login does not answer at {url}. Look at its pods with kubectl.") from error
    if answer.status_code != HTTPStatus.CREATED:
        raise Problem(f"login added no user: it answered {answer.status_code}. Look at its logs with kubectl.")
    return email, password

"""Steps for both platforms: create the Secrets, wait for the backends, forward ports, add a user."""

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
ANSWER_SECONDS, PAUSE_SECONDS, JOB_PAUSE_SECONDS = 30.0, 0.2, 2.0
JOBS, MIGRATION = "jobs.batch", "app.kubernetes.io/name=migrate"  # the Job in knative/components/migration


def make_secrets(kubectl: Kubectl, made: list[dict[str, Any]]) -> bool:
    """Create the Secrets, unless they exist; return whether they were created."""
    wanted = {(secret["metadata"]["namespace"], secret["metadata"]["name"]) for secret in made}
    found = {(space, name) for space in (FUNCTIONS, EVENTS) for name in kubectl.names("secret", space)} & wanted
    if found == wanted:
        return False
    if found:
        # New ones would not match the existing ones, because each password is in two Secrets.
        raise Problem(
            f"Only some of the Secrets exist: {', '.join(sorted(name for _, name in found))}. "
            f"Delete the namespaces {FUNCTIONS} and {EVENTS}, including their data, then try again."
        )
    kubectl.run("create", "-f", "-", given=yaml.safe_dump_all(made))
    return True


def check_keys(kubectl: Kubectl, made: list[dict[str, Any]]) -> None:
    """Raise Problem if Secrets of an earlier version lack what this one needs: its functions would not start."""
    missing = [
        f"{name} lacks {key}"
        for secret in made
        for name, space in [(secret["metadata"]["name"], secret["metadata"]["namespace"])]
        for key in sorted(secret["stringData"].keys() - kubectl.secret_keys(space, name))
    ]
    if missing:
        raise Problem(
            f"The Secrets are of an earlier version: {'; '.join(missing)}. "
            "knative/README.md, Upgrade, tells how to add what is missing."
        )


def changes(kubectl: Kubectl) -> list[tuple[str, str]]:
    """Return what is done with the system itself."""
    exists = kubectl.run("get", "namespace", FUNCTIONS, "--ignore-not-found", "-o", "name").strip()
    done = "apply again" if exists else "install"
    return [("the system itself", f"{done} in {FUNCTIONS} and {EVENTS}, then add a user and run the tests")]


def make_namespaces(kubectl: Kubectl, *names: str) -> None:
    """Create namespaces; they get their labels from later steps."""
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


def forget_migration(kubectl: Kubectl) -> None:
    """Delete the Job that migrated before: it cannot be changed, and runs again once it is applied again."""
    kubectl.run("delete", JOBS, "-n", FUNCTIONS, "-l", MIGRATION, "--ignore-not-found")


def wait_for_migration(kubectl: Kubectl) -> None:
    """Wait until the tables of users are up to date. Raises Problem with the end of the log if they cannot be."""
    deadline = time.monotonic() + READY_SECONDS
    while not kubectl.has(FUNCTIONS, JOBS, MIGRATION, "Complete"):
        late = time.monotonic() > deadline
        if late or kubectl.has(FUNCTIONS, JOBS, MIGRATION, "Failed"):
            state = "are not yet" if late else "could not be brought"
            raise Problem(
                f"The tables of users {state} up to date. knative/README.md, Upgrade, tells what to do.\n"
                f"{_last_words(kubectl)}"
            )
        time.sleep(JOB_PAUSE_SECONDS)


def _last_words(kubectl: Kubectl) -> str:
    try:
        return kubectl.logs(FUNCTIONS, MIGRATION)
    except Problem:  # a pod that has not started has no log
        return kubectl.not_ready(FUNCTIONS)


@dataclass(frozen=True)
class PortForward:
    """A local port that is forwarded to a service."""

    namespace: str
    service: str
    port: int
    local: int

    @property
    def url(self) -> str:
        """Return the local URL."""
        return f"http://localhost:{self.local}"


@contextmanager
def forward_ports(kubectl: Kubectl, *forwards: PortForward) -> Iterator[None]:
    """Forward local ports to services, until the block ends."""
    with ExitStack() as stack:
        for forward in forwards:
            process = kubectl.forward(forward.namespace, forward.service, f"{forward.local}:{forward.port}")
            stack.callback(process.wait)
            stack.callback(process.terminate)
            if not _listens(forward.local, process):
                raise Problem(f"kubectl could not forward port {forward.local} to {forward.service}. Is the port free?")
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
    """Add a user for the tests; return its e-mail address and password."""
    email, password = f"tester-{secrets.token_hex(4)}@example.org", secrets.token_urlsafe(12)
    headers = {"Authorization": f"Bearer {signup_token}"}
    try:
        answer = web.call("POST", f"{url}/users", json={"email": email, "password": password}, headers=headers)
    except requests.RequestException as error:
        raise Problem(f"login does not answer at {url}. Check its pods with kubectl.") from error
    if answer.status_code != HTTPStatus.CREATED:
        raise Problem(f"login did not add a user: it returned {answer.status_code}. Check its logs with kubectl.")
    return email, password

"""The steps that install the system on OpenFaaS; each can be repeated."""

import json
import secrets
from pathlib import Path
from typing import Any

import yaml

from local import stack_file
from local.cluster import addresses, credentials, images, knative, manifests, system, tools
from local.cluster.addresses import EVENTS, FUNCTIONS
from local.cluster.cluster import Cluster
from local.cluster.kubectl import Kubectl
from local.cluster.parts import Decision
from local.cluster.run import run
from local.cluster.system import READY_SECONDS, PortForward
from local.cluster.versions import Part
from local.home import ROOT
from local.progress import Progress

SPACE, FUNCTION_SPACE = "openfaas", "openfaas-fn"
OVERLAY = ROOT / "local" / "cluster" / "openfaas"
OUTSIDE = ("connector", "login")  # the images of pods that OpenFaaS does not start
# Longer than the longest conversion; by default the gateway ends every request after 60 s.
TIMEOUTS = ["read_timeout=10m10s", "write_timeout=10m10s", "upstream_timeout=10m5s"]
SETTINGS = [*TIMEOUTS, "image_pull_policy=IfNotPresent"]
ADVICE = "Inspect OpenFaaS with kubectl -n openfaas, then try again."


def start(cluster: Cluster, decisions: list[Decision], progress: Progress, port: int) -> None:
    """Install OpenFaaS and the backends, then the functions and the connector."""
    kubectl, faas_cli = cluster.kubectl, tools.program("faas-cli")
    *backends, openfaas = decisions
    knative.install(kubectl, backends, progress)
    _install(kubectl, openfaas, progress)
    progress.step("Building images; the first time takes minutes")
    built = cluster.build([*images.functions(), "connector"], "")
    progress.step("Creating Secrets")
    system.make_namespaces(kubectl, FUNCTIONS, EVENTS)
    where = (addresses.MONGODB, addresses.MYSQL, addresses.RABBITMQ, addresses.MAILPIT)
    made = credentials.make_for_openfaas(*where)
    if not system.make_secrets(kubectl, made):
        add_event_token(kubectl)
        system.check_keys(kubectl, made)
    progress.step("Applying local/cluster/openfaas")
    system.forget_migration(kubectl)
    kubectl.apply("-k", str(overlay(built, manifests.FOLDER / "openfaas")))
    progress.step("Waiting for databases and RabbitMQ")
    system.wait_for_backends(kubectl)
    progress.step("Bringing the tables of users up to date")
    system.wait_for_migration(kubectl)
    with system.forward_ports(kubectl, gateway_forward(port)):
        progress.step("Deploying the functions with faas-cli up")
        _deploy(kubectl, faas_cli, built, port)
    progress.step("Waiting for functions and the connector")
    kubectl.wait(FUNCTION_SPACE, "Available", "deployment", READY_SECONDS)
    kubectl.rollout(EVENTS, "deployment/connector", READY_SECONDS)


def changes(decisions: list[Decision]) -> list[tuple[str, str]]:
    """Return which settings of an OpenFaaS that is left would be changed."""
    return [] if decisions[-1].applied else [("OpenFaaS's gateway", f"set {', '.join(SETTINGS)}")]


def _install(kubectl: Kubectl, decision: Decision, progress: Progress) -> None:
    progress.step(f"{decision.part.title}: {decision.text}")
    if decision.applied:
        _apply(kubectl, decision.part)
    kubectl.run("set", "env", "-n", SPACE, "deployment/gateway", *SETTINGS)
    kubectl.rollout(SPACE, "deployment/gateway", knative.INSTALL_SECONDS)


def _apply(kubectl: Kubectl, part: Part) -> None:
    namespaces, *rest = manifests.files(part)
    kubectl.apply_files([namespaces])
    if "basic-auth" not in kubectl.names("secret", SPACE):
        values = {"basic-auth-user": "admin", "basic-auth-password": secrets.token_urlsafe(24)}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "basic-auth", "namespace": SPACE}}
        kubectl.run("create", "-f", "-", given=yaml.safe_dump({**secret, "stringData": values}))
    kubectl.apply_files(rest)


def _deploy(kubectl: Kubectl, faas_cli: str, built: dict[str, str], port: int) -> None:
    gateway = f"--gateway={gateway_forward(port).url}"
    password = kubectl.secret(SPACE, "basic-auth", "basic-auth-password")
    run([faas_cli, "login", gateway, "--username=admin", "--password-stdin"], advice=ADVICE, given=password)
    known = run([faas_cli, "secret", "list", gateway], advice=ADVICE).split()
    for name, (space, secret) in secret_sources().items():
        if name not in known:
            value = kubectl.secret(space, secret, name)
            run([faas_cli, "secret", "create", name, gateway], advice=ADVICE, given=value)
    file = stack(built, port, manifests.FOLDER / "stack.yml")
    run([faas_cli, "up", gateway, "--skip-push", "-f", str(file)], advice=ADVICE)


def add_event_token(kubectl: Kubectl) -> None:
    """Add the token of events to the connector's Secret, if an earlier version made it without one."""
    if credentials.EVENT_TOKEN not in kubectl.secret_keys(EVENTS, credentials.CONNECTOR):
        patch = json.dumps({"stringData": credentials.event_token()})
        where = ["secret", credentials.CONNECTOR, "-n", EVENTS]
        kubectl.run("patch", *where, "--type", "merge", "--patch-file", "/dev/stdin", given=patch)


def secret_sources() -> dict[str, tuple[str, str]]:
    """Return the namespace and the name of the Secret that holds each secret of stack.yml, under its own name."""
    entries = stack_file.functions().items()
    found = {secret: (FUNCTIONS, name) for name, entry in entries for secret in entry["secrets"]}
    # A secret of OpenFaaS is the same for every function, so they share one user of MongoDB.
    shared = {"mongodb-url": (FUNCTIONS, "functions"), credentials.EVENT_TOKEN: (EVENTS, credentials.CONNECTOR)}
    return found | shared


def stack(built: dict[str, str], port: int, file: Path) -> Path:
    """Write stack.yml with these images, already built and pushed, and with links that point to the gateway."""
    content: dict[str, Any] = yaml.safe_load(stack_file.FILE.read_text())
    for name, function in content["functions"].items():
        function |= {"image": built[name], "skip_build": True}
        if "PUBLIC_URL" in function.get("environment", {}):
            function["environment"]["PUBLIC_URL"] = function_url(port)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def overlay(built: dict[str, str], folder: Path) -> Path:
    """Write a kustomization: the backends, their migration and the connector, with these images."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [knative.relative(OVERLAY, folder)],
        "images": knative.replaced({f"mp3converter/{name}": built[name] for name in OUTSIDE}),
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def gateway_forward(port: int) -> PortForward:
    """Return the port-forward to the gateway."""
    return PortForward(SPACE, "gateway", 8080, port)


def function_url(port: int) -> str:
    """Return the functions' URL, with {function} in place of the name."""
    return f"{gateway_forward(port).url}/function/{{function}}"

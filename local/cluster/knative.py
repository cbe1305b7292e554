"""The steps that install the system on Knative; each can be repeated."""

import json
import os
from pathlib import Path

import yaml

from local.cluster import addresses, credentials, domain, images, manifests, rotation, system
from local.cluster.addresses import EVENTS, FUNCTIONS
from local.cluster.cluster import Cluster
from local.cluster.kubectl import Kubectl
from local.cluster.parts import Decision
from local.cluster.system import READY_SECONDS, PortForward
from local.home import ROOT
from local.progress import Progress

INSTALL_SECONDS = 600
OVERLAY = ROOT / "knative" / "overlays" / "dev"
# Knative does not look up images with this prefix in a registry.
PREFIX = "dev.local/mp3converter"
# The functions that give links to people.
LINKING = {"group": "serving.knative.dev", "kind": "Service", "name": "login|upload|notify|download|jobs"}
INGRESS = "kourier.ingress.networking.knative.dev"
OTHER_INGRESS = "istio.ingress.networking.knative.dev"  # Knative's own default


def start(cluster: Cluster, decisions: list[Decision], progress: Progress, port: int, wanted: str = "") -> None:
    """Install Knative and its dependencies, then the system; `wanted` is the domain of the functions' own URLs."""
    kubectl = cluster.kubectl
    install(kubectl, decisions, progress)
    patch = json.dumps({"data": {"ingress-class": INGRESS}})
    kubectl.run("patch", "configmap/config-network", "-n", domain.SPACE, "--type", "merge", "-p", patch)
    progress.step("Building images; the first time takes minutes")
    built = cluster.build(images.functions(), PREFIX)
    _set_domain(cluster, progress, wanted)
    progress.step("Creating Secrets")
    system.make_namespaces(kubectl, FUNCTIONS, EVENTS)
    made = credentials.make(addresses.MONGODB, addresses.MYSQL, addresses.RABBITMQ, addresses.MAILPIT)
    if not system.make_secrets(kubectl, made):
        rotation.Rotation(kubectl, rotation.knative()).complete()
        system.check_keys(kubectl, made)
    progress.step("Applying knative/overlays/dev")
    system.forget_migration(kubectl)
    kubectl.apply("-k", str(overlay(built, port, manifests.FOLDER / "knative")))
    progress.step("Waiting for databases and RabbitMQ")
    system.wait_for_backends(kubectl)
    progress.step("Bringing the tables of users up to date")
    system.wait_for_migration(kubectl)
    progress.step("Waiting for functions and sources")
    kubectl.wait(FUNCTIONS, "Ready", "services.serving.knative.dev", READY_SECONDS)
    kubectl.wait(EVENTS, "Ready", "rabbitmqsources.sources.knative.dev", READY_SECONDS)
    kubectl.wait(EVENTS, "Ready", "pingsources.sources.knative.dev", READY_SECONDS)
    kubectl.rollout(FUNCTIONS, "deployment/gateway", READY_SECONDS)


def _set_domain(cluster: Cluster, progress: Progress, wanted: str) -> None:
    """Set the domain now: a load balancer has had the time of the builds to get its address."""
    chosen = domain.choose(cluster.kubectl, wanted, own=bool(cluster.kind))
    if chosen:
        progress.step(f"Giving the functions URLs in {chosen}")
        domain.put(cluster.kubectl, chosen)
    else:
        progress.done(
            "The functions' own URLs end in svc.cluster.local, because Kourier has no address. "
            "To have others, run this command again with --domain."
        )


def changes(kubectl: Kubectl, wanted: str) -> list[tuple[str, str]]:
    """Return which settings of Knative would be changed, and how."""
    found = []
    network = kubectl.config(domain.SPACE, "config-network")
    ingress = network.get("ingress-class", OTHER_INGRESS)
    if network and ingress != INGRESS:
        found.append(("Knative's ingress", f"change from {ingress} to {INGRESS}, for every Service in the cluster"))
    chosen = domain.choose(kubectl, wanted, own=False)
    if not chosen:
        text = f"set Kourier's address with {domain.MAGIC}, if it gets one"
    elif domain.changes(kubectl.config(domain.SPACE, domain.CONFIG), chosen):
        text = f"set {chosen}"
    else:
        text = f"leave {chosen}"
    return [*found, ("the functions' domain", text)]


def install(kubectl: Kubectl, decisions: list[Decision], progress: Progress) -> None:
    """Install third-party parts as decided, and wait until each is up.

    Wait only for a part's own deployments: others in its namespace may belong to a later part that failed last time.
    """
    for decision in decisions:
        progress.step(f"{decision.part.title}: {decision.text}")
        if not decision.applied:
            continue
        kubectl.apply_files(manifests.files(decision.part))
        for namespace, name in manifests.deployments(decision.part):
            kubectl.rollout(namespace, f"deployment/{name}", INSTALL_SECONDS)


def overlay(built: dict[str, str], port: int, folder: Path) -> Path:
    """Write a kustomization: the dev overlay with these images, and with links that point to the gateway."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    links = {
        "op": "add",
        "path": "/spec/template/spec/containers/0/env/-",
        "value": {"name": "PUBLIC_URL", "value": function_url(port)},
    }
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative(OVERLAY, folder)],
        "images": replaced({f"{PREFIX}/{name}": image for name, image in built.items()}),
        "patches": [{"target": LINKING, "patch": json.dumps([links])}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def replaced(images: dict[str, str]) -> list[dict[str, str]]:
    """Return what a kustomization says of images and those in their place."""
    parts = {name: image.rpartition(":") for name, image in images.items()}
    return [{"name": name, "newName": place, "newTag": tag} for name, (place, _, tag) in parts.items()]


def relative(folder: Path, seen_from: Path) -> str:
    """Return a relative path, the only kind that kustomize accepts."""
    return os.path.relpath(folder.resolve(), seen_from.resolve())


def gateway_forward(port: int) -> PortForward:
    """Return the port-forward to the gateway."""
    return PortForward(FUNCTIONS, "gateway", 80, port)


def function_url(port: int) -> str:
    """Return the functions' URL, with {function} in place of the name."""
    return f"{gateway_forward(port).url}/{{function}}"

"""What is done about a part, by what the cluster has of it."""

from __future__ import annotations

from typing import Any

import pytest

from local.cluster import manifests, parts
from local.cluster.kubectl import OURS
from local.cluster.versions import CERT_MANAGER, CLUSTER_OPERATOR, OPENFAAS, RABBITMQ_SOURCE, SERVING, Part

CRD = "services.serving.knative.dev"
PLACES = {
    "Knative Serving": [("knative-serving", "controller"), ("knative-serving", "webhook")],
    "cert-manager": [("cert-manager", "cert-manager")],
    "RabbitMQ's cluster operator": [("rabbitmq-system", "rabbitmq-cluster-operator")],
    "the RabbitMQ source": [("knative-sources", "rabbitmq-controller-manager")],
    "OpenFaaS": [("openfaas", "gateway"), ("openfaas", "nats")],
}
VERSION = "app.kubernetes.io/version"
RELEASE = "rabbitmq.eventing.knative.dev/release"


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "deployments", lambda part: PLACES[part.title])
    monkeypatch.setattr(manifests, "definitions", lambda part: [CRD] if part is SERVING else [])


def deployment(labels: dict[str, str], images: list[str] | None = None, manager: str = "kubectl") -> dict[str, Any]:
    containers = [{"name": str(number), "image": image} for number, image in enumerate(images or ["x@sha256:00"])]
    metadata = {"labels": labels, "managedFields": [{"manager": manager}, {"manager": "kube-controller-manager"}]}
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": containers}}}}


def decided(
    part: Part, *found: dict[str, Any], own: bool = False, crds: dict[str, set[str]] | None = None
) -> tuple[bool, str]:
    there = dict(zip(PLACES[part.title], found, strict=False))
    decision = parts._decide(part, there, crds or {}, own=own)
    return decision.applied, decision.text


def serving(version: str, manager: str = "kubectl") -> dict[str, Any]:
    return deployment({VERSION: version}, manager=manager)


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        ((), (True, "install 1.23.0")),
        (("1.18.0", "1.18.0"), (True, "upgrade from 1.18.0 to 1.23.0")),
        (("1.9.0", "1.9.0"), (True, "upgrade from 1.9.0 to 1.23.0")),
        (("1.23.0", "1.22.1"), (True, "upgrade from 1.22.1 to 1.23.0")),
        (("1.23.0",), (True, "complete 1.23.0")),
        (("1.23.0", "1.23.0"), (False, "leave (already 1.23.0)")),
        (("1.23.1", "1.23.1"), (False, "leave (newer: 1.23.1)")),
        (("1.22.0", "1.24.0"), (False, "leave (newer: 1.24.0)")),
        (("1.24.0",), (False, "leave (newer: 1.24.0)")),
        (("devel", "20261130-abc"), (False, "leave (its version is unknown)")),
    ],
)
def test_a_part_in_somebodys_cluster(found: tuple[str, ...], decision: tuple[bool, str]) -> None:
    assert decided(SERVING, *map(serving, found)) == decision


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (("1.23.0", "1.23.0"), (True, "apply 1.23.0 again, as this command installed it")),
        (("1.22.0", "1.22.0"), (True, "upgrade from 1.22.0 to 1.23.0")),
        (("1.24.0", "1.24.0"), (False, "leave (newer: 1.24.0)")),
    ],
)
def test_what_this_command_installed_is_repaired_but_not_made_older(
    found: tuple[str, ...], decision: tuple[bool, str]
) -> None:
    """In its own cluster, or where its name is among the field managers."""
    assert decided(SERVING, *(serving(version, OURS) for version in found)) == decision
    assert decided(SERVING, *map(serving, found), own=True) == decision


def test_an_installation_that_others_made_in_another_place_gets_no_second_one() -> None:
    assert decided(SERVING, crds={CRD: {"helm"}}) == (False, f"leave (installed in another way: {CRD} exists)")
    assert decided(SERVING, crds={CRD: {OURS, "helm"}}) == (True, "install 1.23.0")
    assert decided(SERVING, crds={CRD: {"kubectl"}}, own=True) == (True, "install 1.23.0")


@pytest.mark.parametrize(
    ("part", "labels", "images", "decision"),
    [
        (CERT_MANAGER, {VERSION: "v1.21.2"}, [], "leave (already 1.21.2)"),
        (CLUSTER_OPERATOR, {}, ["rabbitmqoperator/cluster-operator:2.16.0"], "upgrade from 2.16.0 to 2.22.3"),
        (CLUSTER_OPERATOR, {}, ["ghcr.io/rabbitmq/cluster-operator:2.22.3@sha256:1"], "leave (already 2.22.3)"),
        (
            CLUSTER_OPERATOR,
            {},
            ["r.example.com:5000/rabbitmq/cluster-operator@sha256:1"],
            "leave (its version is unknown)",
        ),
        (RABBITMQ_SOURCE, {RELEASE: "knative-v1.17.6"}, ["gcr.io/x@sha256:1"], "upgrade from 1.17.6 to 1.22.0"),
        (OPENFAAS, {}, ["openfaas/gateway:0.27.13", "openfaas/faas-netes:0.18.17"], "complete 0.18.17"),
    ],
)
def test_where_a_part_shows_its_version(part: Part, labels: dict[str, str], images: list[str], decision: str) -> None:
    assert decided(part, deployment(labels, images))[1] == decision

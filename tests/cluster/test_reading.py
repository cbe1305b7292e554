"""What ./local/cluster/up reads of a cluster, by the real kubectl from a server that answers as the API would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.cluster import domain, system
from local.cluster.kubectl import Kubectl
from tests.clients.serving import serving
from tests.cluster.conftest import KUBECONFIG
from tests.manifests.building import KUBECTL

MANAGED = {"managedFields": [{"manager": "mp3converter"}, {"manager": "kube-controller-manager"}]}
PLURALS = {
    "v1": {"configmaps": "ConfigMap", "services": "Service", "namespaces": "Namespace"},
    "apps/v1": {"deployments": "Deployment"},
    "apiextensions.k8s.io/v1": {"customresourcedefinitions": "CustomResourceDefinition"},
}

WITHOUT_NAMESPACE = ("namespaces", "customresourcedefinitions")


def resources(version: str) -> dict[str, Any]:
    found = [
        {
            "name": name,
            "singularName": kind.lower(),
            "namespaced": name not in WITHOUT_NAMESPACE,
            "kind": kind,
            "verbs": ["get", "list"],
        }
        for name, kind in PLURALS[version].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}


def group(version: str) -> dict[str, Any]:
    entry = {"groupVersion": version, "version": "v1"}
    return {"name": version.partition("/")[0], "versions": [entry], "preferredVersion": entry}


def item(version: str, kind: str, metadata: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def several(version: str, kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": [*items]}


ANSWERS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": resources("v1"),
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [group("apps/v1"), group("apiextensions.k8s.io/v1")],
    },
    "/apis/apps/v1": resources("apps/v1"),
    "/apis/apiextensions.k8s.io/v1": resources("apiextensions.k8s.io/v1"),
    "/apis/apps/v1/deployments": several(
        "apps/v1",
        "Deployment",
        item("apps/v1", "Deployment", {"name": "controller", "namespace": "knative-serving", **MANAGED}),
    ),
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": several(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        item("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"name": "a.example.com", **MANAGED}),
        item("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"name": "b.example.com"}),
    ),
    "/api/v1/namespaces/knative-serving/configmaps/config-domain": item(
        "v1", "ConfigMap", {"name": "config-domain", "namespace": "knative-serving"}, data={"example.com": ""}
    ),
    "/api/v1/namespaces/kourier-system/services/kourier": item(
        "v1",
        "Service",
        {"name": "kourier", "namespace": "kourier-system"},
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}},
    ),
}
MISSING = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


class Handler(BaseHTTPRequestHandler):
    """Answers what kubectl gets."""

    def do_GET(self) -> None:
        """Send the object of this path."""
        found = ANSWERS.get(self.path.partition("?")[0])
        body = json.dumps(found or MISSING).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubectl]:
    """The real kubectl, with a context that leads to the server."""
    monkeypatch.setenv("HOME", str(tmp_path))  # it caches what the server can do
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        (tmp_path / "kubeconfig").write_text(KUBECONFIG.replace("http://127.0.0.1:9", url))
        yield Kubectl(str(KUBECTL), "kind-mp3converter")


def test_deployments_and_definitions_come_with_their_field_managers(kubectl: Kubectl) -> None:
    ((place, found),) = kubectl.deployments().items()
    assert place == ("knative-serving", "controller")
    assert [entry["manager"] for entry in found["metadata"]["managedFields"]] == [
        "mp3converter",
        "kube-controller-manager",
    ]
    assert kubectl.definitions() == {
        "a.example.com": {"mp3converter", "kube-controller-manager"},
        "b.example.com": set(),
    }


def test_settings_addresses_and_what_is_missing(kubectl: Kubectl) -> None:
    assert kubectl.config("knative-serving", "config-domain") == {"example.com": ""}
    assert kubectl.config("knative-serving", "config-network") == {}
    assert domain.choose(kubectl, "", own=False) == "example.com"
    assert domain._of_address(kubectl) == "192.0.2.7.sslip.io"
    assert system.changes(kubectl)[0][1].startswith("install in mp3converter")
    assert kubectl.server().startswith("http://127.0.0.1:")

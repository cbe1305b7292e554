"""The parts of a cluster: versions that work together, and their download URLs."""

from dataclasses import dataclass

KIND = "v0.32.0"
# Kubernetes 1.36; the digest comes from this kind's release notes.
NODE = "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"
REGISTRY = "docker.io/library/registry:2.8.3"


@dataclass(frozen=True)
class Manifest:
    """A file of Kubernetes objects; without a sha256 it is not verified."""

    url: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Part:
    """A part to install: its manifests in order, and the namespace of its deployments.

    `image` ends the name of the image whose tag is the version, where no label of the deployments tells it.
    """

    title: str
    version: str
    namespace: str
    manifests: tuple[Manifest, ...]
    image: str = ""


def _part(title: str, version: str, namespace: str, place: str, *files: str, image: str = "") -> Part:
    found = tuple(Manifest(f"{place.format(version)}/{file}") for file in files)
    return Part(title, version, namespace, found, image)


_RELEASE = "https://github.com/{}/releases/download/{{}}"

CERT_MANAGER = _part(
    "cert-manager", "v1.21.2", "cert-manager", _RELEASE.format("cert-manager/cert-manager"), "cert-manager.yaml"
)
SERVING = _part(
    "Knative Serving",
    "knative-v1.23.0",
    "knative-serving",
    _RELEASE.format("knative/serving"),
    "serving-crds.yaml",
    "serving-core.yaml",
)
KOURIER = _part(
    "Kourier", "knative-v1.23.0", "kourier-system", _RELEASE.format("knative-extensions/net-kourier"), "kourier.yaml"
)
EVENTING = _part(
    "Knative Eventing",
    "knative-v1.22.0",
    "knative-eventing",
    _RELEASE.format("knative/eventing"),
    "eventing-crds.yaml",
    "eventing-core.yaml",
)
CLUSTER_OPERATOR = _part(
    "RabbitMQ's cluster operator",
    "v2.22.3",
    "rabbitmq-system",
    _RELEASE.format("rabbitmq/cluster-operator"),
    "cluster-operator.yml",
    image="cluster-operator",
)
TOPOLOGY_OPERATOR = _part(
    "RabbitMQ's topology operator",
    "v1.20.1",
    "rabbitmq-system",
    _RELEASE.format("rabbitmq/messaging-topology-operator"),
    "messaging-topology-operator-with-certmanager.yaml",
    image="messaging-topology-operator",
)
RABBITMQ_SOURCE = _part(
    "the RabbitMQ source",
    "knative-v1.22.0",
    "knative-sources",
    _RELEASE.format("knative-extensions/eventing-rabbitmq"),
    "rabbitmq-source.yaml",
)
OPENFAAS = _part(
    "OpenFaaS",
    "0.18.17",
    "openfaas",
    "https://raw.githubusercontent.com/openfaas/faas-netes/{}",
    "namespaces.yml",
    "yaml/profile-crd.yml",
    "yaml/controller-rbac.yml",
    "yaml/gateway-dep.yml",
    "yaml/gateway-svc.yml",
    "yaml/nats-dep.yml",
    "yaml/nats-svc.yml",
    "yaml/queueworker-dep.yml",
    "yaml/prometheus-cfg.yml",
    "yaml/prometheus-rbac.yml",
    "yaml/prometheus-dep.yml",
    "yaml/prometheus-svc.yml",
    image="faas-netes",
)

RABBITMQ = (CERT_MANAGER, CLUSTER_OPERATOR, TOPOLOGY_OPERATOR)
ON_OPENFAAS = (*RABBITMQ, OPENFAAS)
KNATIVE = (SERVING, KOURIER, EVENTING, *RABBITMQ, RABBITMQ_SOURCE)

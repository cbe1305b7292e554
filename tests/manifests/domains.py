"""The hosts at which Knative serves the functions: those that people call are in the cluster's domain, no others."""

from __future__ import annotations

from local.cluster import domain
from tests.manifests.objects import Object, label, services

VISIBILITY = "networking.knative.dev/visibility"
INTERNAL = "svc.cluster.local"


def errors(items: list[Object]) -> list[str]:
    """Return the functions that people call, but whose URL ends inside the cluster."""
    return [
        f"{label(item)}: config-domain does not select it, so its URL would end in {INTERNAL}"
        for item in services(items)
        if VISIBILITY not in item["metadata"]["labels"] and host(item, "example.com").endswith(INTERNAL)
    ]


def host(item: Object, name: str) -> str:
    """Return a Service's host once its domain is set, by the rules of Knative: cluster-local comes first."""
    metadata = item["metadata"]
    private = metadata["labels"].get(VISIBILITY) == "cluster-local"
    chosen = name if not private and domain.LABELS.items() <= metadata["labels"].items() else INTERNAL
    return f"{metadata['name']}.{metadata['namespace']}.{chosen}"

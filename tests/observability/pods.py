"""Pods as described by Prometheus' service discovery."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def discovered(labels: dict[str, str], port: int = 8080) -> dict[str, str]:
    """Return the discovery's labels for a pod with these labels."""
    named = {re.sub(r"[^a-zA-Z0-9_]", "_", name): value for name, value in labels.items()}
    described = {f"__meta_kubernetes_pod_label_{name}": value for name, value in named.items()}
    return {
        **described,
        "__meta_kubernetes_pod_container_port_number": str(port),
        "__meta_kubernetes_pod_name": "a-pod",
    }


def on_knative(service: dict[str, Any]) -> dict[str, str]:
    """Return the labels of a Service's pods: from its template, and Knative's own."""
    return {
        **service["spec"]["template"]["metadata"]["labels"],
        "serving.knative.dev/service": service["metadata"]["name"],
    }


def on_openfaas(name: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of a function's pods: from stack.yml, and OpenFaaS's own."""
    return {**entry["labels"], "faas_function": name}

"""All that is asked of a built kustomization."""

from __future__ import annotations

from tests.manifests import admission, operation, policies, references, schemas, settings, topology
from tests.manifests.objects import Object

CHECKS = {
    module.__name__.rpartition(".")[2]: module.complaints
    for module in (schemas, admission, references, settings, topology, operation, policies)
}


def complaints(items: list[Object]) -> list[str]:
    """Return all that is wrong."""
    return [text for check in CHECKS.values() for text in check(items)]

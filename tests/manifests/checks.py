"""All checks of a built kustomization."""

from __future__ import annotations

from tests.manifests import admission, domains, operation, policies, references, schemas, settings, topology
from tests.manifests.objects import Object

CHECKS = {
    module.__name__.rpartition(".")[2]: module.errors
    for module in (schemas, admission, references, settings, topology, operation, policies, domains)
}


def errors(items: list[Object]) -> list[str]:
    """Return all errors."""
    return [text for check in CHECKS.values() for text in check(items)]

"""What the manifests are checked against lies beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifests.schemas import CRDS


@pytest.fixture(autouse=True, scope="session")
def crds() -> Path:
    """The custom resource definitions of Knative and RabbitMQ."""
    if not list(CRDS.glob("*.yaml")):
        pytest.fail(f"{CRDS} is missing: put the folder with the custom resource definitions beside the repository.")
    return CRDS

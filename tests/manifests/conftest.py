"""Downloads the custom resource definitions before the first test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.crds import definitions
from tests.tools.golang import CannotBuild


@pytest.fixture(autouse=True, scope="session")
def crds() -> list[Path]:
    """The custom resource definitions of Knative and RabbitMQ."""
    try:
        return definitions()
    except CannotBuild as error:
        pytest.fail(str(error))

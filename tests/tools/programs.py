"""The real kind and the real Mailpit."""

from __future__ import annotations

from pathlib import Path

from local.cluster.versions import KIND
from tests.tools.golang import installed

MAILPIT = "v1.27.11"


def kind() -> Path:
    """Return the path of kind; build it when need be."""
    return installed("sigs.k8s.io/kind", KIND)


def mailpit() -> Path:
    """Return the path of Mailpit; build it when need be."""
    return installed("github.com/axllent/mailpit", MAILPIT)

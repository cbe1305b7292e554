"""kind and Mailpit, as their projects publish them."""

from __future__ import annotations

from pathlib import Path

from local.cluster.versions import KIND
from tests.tools.golang import installed

MAILPIT = "v1.27.11"


def kind() -> Path:
    """Return the path of kind; build it first if necessary."""
    return installed("sigs.k8s.io/kind", KIND)


def mailpit() -> Path:
    """Return the path of Mailpit; build it first if necessary."""
    return installed("github.com/axllent/mailpit", MAILPIT)

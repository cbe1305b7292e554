"""faas-cli, as its project publishes it."""

from __future__ import annotations

from pathlib import Path

from tests.tools.golang import program


def faas_cli() -> Path:
    """Return the path of faas-cli; build it first if necessary."""
    return program("faas-cli", Path(__file__).resolve().parent, "github.com/openfaas/faas-cli")

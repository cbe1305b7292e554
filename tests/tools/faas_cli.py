"""The real faas-cli."""

from __future__ import annotations

from pathlib import Path

from tests.tools.golang import program


def faas_cli() -> Path:
    """Return the path of faas-cli; build it when need be."""
    return program("faas-cli", Path(__file__).resolve().parent, "github.com/openfaas/faas-cli")

"""A program on OpenFaaS's Go SDK, the library with which newer releases of faas-cli call the gateway."""

from __future__ import annotations

from pathlib import Path

from tests.tools.golang import program


def openfaas_sdk() -> Path:
    """Return the path of the program; build it first if necessary."""
    return program("openfaas-sdk", Path(__file__).resolve().parent / "sdk", ".")

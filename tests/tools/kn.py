"""The real kn."""

from __future__ import annotations

from pathlib import Path

from tests.tools.golang import program


def kn() -> Path:
    """Return the path of kn; build it when need be."""
    return program("kn", Path(__file__).resolve().parent / "kn", "knative.dev/client/cmd/kn")

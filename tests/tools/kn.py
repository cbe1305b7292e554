"""kn, as its project publishes it."""

from __future__ import annotations

from pathlib import Path

from tests.tools.golang import program


def kn() -> Path:
    """Return the path of kn; build it first if necessary."""
    return program("kn", Path(__file__).resolve().parent / "kn", "knative.dev/client/cmd/kn")

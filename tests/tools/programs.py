"""Programs written in Go, built once from their pinned source into .local/tools."""

from __future__ import annotations

import os
from pathlib import Path

from local.cluster.versions import KIND
from tests.tools.faas_cli import BUILD_TIMEOUT_SECONDS, ROOT, find_go, run

FOLDER = ROOT / ".local" / "tools"
MAILPIT = "v1.27.11"


def kind() -> Path:
    """Return the path of kind."""
    return _built("sigs.k8s.io/kind", KIND)


def mailpit() -> Path:
    """Return the path of Mailpit."""
    return _built("github.com/axllent/mailpit", MAILPIT)


def _built(package: str, version: str) -> Path:
    folder = FOLDER / version
    binary = folder / package.rpartition("/")[2]
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        run(
            ["env", f"GOBIN={folder}", *_caches(), find_go(), "install", f"{package}@{version}"],
            f"{package} could not be built; it needs the Go module proxy (see GOPROXY) or a filled module cache.",
            BUILD_TIMEOUT_SECONDS,
        )
    return binary


def _caches() -> list[str]:
    return [f"{name}={os.environ[name]}" for name in ("GOPATH", "GOMODCACHE") if name in os.environ]

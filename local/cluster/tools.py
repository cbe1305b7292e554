"""The programs that are needed: their paths, or errors that say how to install them."""

import shutil
import sys
from pathlib import Path

from local.cluster.run import run
from local.cluster.versions import KIND
from local.problem import Problem

INSTALL = {
    "docker": "Install Docker (https://docs.docker.com/engine/install/), then try again.",
    "kind": f"Install kind, for example with: go install sigs.k8s.io/kind@{KIND} "
    "(and put $(go env GOPATH)/bin on the PATH), then try again.",
    "faas-cli": "Install faas-cli (https://docs.openfaas.com/cli/install/), then try again.",
}


def program(name: str) -> str:
    """Return a program's path."""
    found = shutil.which(name)
    if not found:
        raise Problem(f"{name} is missing. {INSTALL[name]}")
    return found


def kubectl() -> str:
    """Return kubectl's path: the user's own, or the virtual environment's."""
    return shutil.which("kubectl") or str(Path(sys.executable).parent / "kubectl")


def docker() -> str:
    """Return the path of Docker's client, if its engine answers."""
    found = program("docker")
    version = run([found, "info", "--format", "{{.ServerVersion}}"], advice=INSTALL["docker"])
    if not version.strip():
        raise Problem("Docker's engine does not answer. Start it, then try again.")
    return found

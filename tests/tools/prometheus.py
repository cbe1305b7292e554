"""The real Prometheus and its promtool: those on the PATH, or those of the distribution's package, not installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".local" / "tools" / "prometheus"
TIMEOUT_SECONDS = 300


class NotFound(Exception):
    """Prometheus cannot be had here."""


def program(name: str) -> Path:
    """Return the path of `prometheus` or `promtool`; unpack the package when it is missing."""
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
        raise NotFound(f"Put prometheus and promtool on the PATH: {command[0]} is not there to fetch them.") from error
    if done.returncode:
        raise NotFound(f"Put prometheus and promtool on the PATH, or: apt-get update.\n{done.stderr[-2000:]}")

"""Prometheus and promtool: from the PATH, or else unpacked from the distribution's package."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.tools.golang import one_at_a_time

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
    if not path.exists():
        raise NotFound(f"Put {name} on the PATH, or run: apt-get update. No package has it.")
    return path


def _unpack() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(FOLDER), tempfile.TemporaryDirectory(dir=FOLDER.parent) as folder:
        # promtool has a package of its own since Debian 13.
        found = _run(["apt-cache", "search", "--names-only", "^(prometheus|promtool)$"], folder)
        _run(["apt-get", "download", "--quiet", *(line.split()[0] for line in found.splitlines())], folder)
        for package in Path(folder).glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(package), str(FOLDER)], folder)


def _run(command: list[str], folder: str) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except FileNotFoundError as error:
        raise NotFound(
            f"Put prometheus and promtool on the PATH: they cannot be downloaded without {command[0]}."
        ) from error
    if done.returncode:
        raise NotFound(f"Put prometheus and promtool on the PATH, or run: apt-get update.\n{done.stderr[-2000:]}")
    return done.stdout

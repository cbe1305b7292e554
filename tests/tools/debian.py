"""Programs from Debian's packages, installed when a test first needs them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PACKAGES_SCRIPT = Path(__file__).resolve().parents[2] / "local" / "packages.sh"
TIMEOUT_SECONDS = 600


class NotInstalled(Exception):
    """A program is missing, and its package could not be installed."""


def program(name: str, package: str) -> Path:
    """Return the path of a program; install its package first if necessary."""
    if found := shutil.which(name):
        return Path(found)
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    done = subprocess.run(
        [*as_root, "sh", str(PACKAGES_SCRIPT), package],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    found = shutil.which(name)
    if found is None:
        raise NotInstalled(f"Put {name} on the PATH, or run: apt-get install {package}\n{done.stdout}{done.stderr}")
    return Path(found)

"""A small disk of one's own, to be full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TIMEOUT_SECONDS = 30


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Put a disk of that size in the place of a folder."""
    made = run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "none", str(folder))
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here, which needs root: {made.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily: somebody may be writing to it just now.
        run("umount", "--lazy", str(folder)).check_returncode()


def grow(folder: Path, megabytes: int) -> None:
    """Give a small disk another size."""
    run("mount", "-o", f"remount,size={megabytes}m", str(folder)).check_returncode()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)

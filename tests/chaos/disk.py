"""A small disk that can be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TIMEOUT_SECONDS = 30


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk of this size on a folder."""
    made = run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "none", str(folder))
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted (needs root): {made.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily: a process may still be writing to it.
        run("umount", "--lazy", str(folder)).check_returncode()


def grow(folder: Path, megabytes: int) -> None:
    """Change the size of a small disk."""
    run("mount", "-o", f"remount,size={megabytes}m", str(folder)).check_returncode()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program and wait for it."""
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)

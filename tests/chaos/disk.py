"""A small disk that can be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TIMEOUT_SECONDS = 30


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk of this size on a folder, as root."""
    run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "none", str(folder))
    try:
        yield
    finally:
        # Lazily: a process may still be writing to it.
        run("umount", "--lazy", str(folder))


def grow(folder: Path, megabytes: int) -> None:
    """Change the size of a small disk."""
    run("mount", "-o", f"remount,size={megabytes}m", str(folder))


def run(*command: str) -> None:
    """Run a program, which must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr

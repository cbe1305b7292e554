"""Cores: how many CPUs this container may use, shared by the conversions that run at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

_CGROUPS = Path("/sys/fs/cgroup")
_lock = Lock()
_running = 0


@contextmanager
def shared(most: int = 0) -> Iterator[Callable[[], int]]:
    """Yield a function that returns how many encoders this conversion may run now; `most` is 0 for every core.

    Conversions that run at the same time share the cores: more encoders than cores would only slow each other down.
    """
    global _running
    cores = most or available()
    with _lock:
        _running += 1
    try:
        yield lambda: max(1, cores // max(1, _running))
    finally:
        with _lock:
            _running -= 1


def available(cgroups: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Return how many CPUs this container may use: its quota if it has one, else the host's count."""
    quotas = [quota for folder in _folders(cgroups, own) if (quota := _quota(folder)) is not None]
    return max(1, int(min([len(os.sched_getaffinity(0)), *(-(-quota // 1) for quota in quotas)])))


def _folders(cgroups: Path, own: Path) -> Iterator[Path]:
    """Yield this process's control groups and their parents, whose limits apply as well."""
    yield from (cgroups, cgroups / "cpu")
    for line in own.read_text().splitlines() if own.exists() else ():
        _, controllers, path = line.split(":", 2)
        base = cgroups / "cpu" if "cpu" in controllers.split(",") else cgroups
        folder = base / path.lstrip("/")
        while folder != base and base in folder.parents:
            yield folder
            folder = folder.parent


def _quota(folder: Path) -> float | None:
    """Return a group's quota in CPUs, from version 2's `cpu.max` or version 1's two files."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or no limit
        return None

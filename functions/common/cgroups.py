"""Control groups: how many CPUs and how much memory this container may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cpus(root: Path = _ROOT, own: Path = _OWN) -> int:
    """Return how many CPUs this container may use: its quota, rounded up, if it has one, else the host's count."""
    quotas = (-(-quota // 1) for quota in _limits(_quota, "cpu", root, own))
    return max(1, int(min([len(os.sched_getaffinity(0)), *quotas])))


def memory(root: Path = _ROOT, own: Path = _OWN) -> int:
    """Return how many bytes of memory this container may use: its limit if it has one, else the host's."""
    host = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([host, *_limits(_memory, "memory", root, own)]))


def _limits(read: Callable[[Path], float | None], controller: str, root: Path, own: Path) -> Iterator[float]:
    """Yield what this process's control groups and their parents allow."""
    yield from (limit for folder in _folders(controller, root, own) if (limit := read(folder)) is not None)


def _folders(controller: str, root: Path, own: Path) -> Iterator[Path]:
    yield from (root, root / controller)
    for line in own.read_text().splitlines() if own.exists() else ():
        _, controllers, path = line.split(":", 2)
        base = root / controller if controller in controllers.split(",") else root
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


def _memory(folder: Path) -> float | None:
    """Return a group's limit in bytes, from version 2's or version 1's file."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            return int((folder / name).read_text())
        except (OSError, ValueError):  # no such file, or no limit
            continue
    return None

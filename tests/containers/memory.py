"""The kernel's counts of out-of-memory kills in a process's cgroup, in either version of cgroups."""

from __future__ import annotations

from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
# The file with the count in each version; the line has the same name in both.
COUNTS = {"memory": "memory.oom_control", "": "memory.events"}


def kills(pid: int) -> int:
    """Return how many processes were killed because the limit of this one's cgroup was reached."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        file = CGROUPS / controllers / path.lstrip("/") / COUNTS.get(controllers, "none")
        if file.exists():
            counts = dict(count.split() for count in file.read_text().splitlines())
            return int(counts["oom_kill"])
    raise LookupError(f"process {pid} has no cgroup that limits memory")

"""The processes of the system under test, read from /proc: listeners, descendants, memory, processor time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"
KILOBYTE = 1024
TICKS = os.sysconf("SC_CLK_TCK")

_found: dict[frozenset[str], set[int]] = {}  # the last holders of a listening socket


def listeners(port: int) -> set[int]:
    """Return the processes that hold the listening socket of a port: a server's master and its workers."""
    sockets = frozenset(
        f"socket:[{fields[9]}]"
        for table in ("tcp", "tcp6")
        for fields in map(str.split, (PROC / "net" / table).read_text().splitlines()[1:])
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    )
    # To look at the files of every process takes a fifth of a second. A socket gets new holders only from those it has,
    # as their children: if all that were found are still there, it is enough to look at their families.
    known = _holders(_found.get(sockets, set()), sockets)
    complete = known and known == _found[sockets]
    found = _holders(family(known) if complete else everyone(), sockets) if sockets else set()
    _found[sockets] = found
    return found


def _holders(pids: Iterable[int], sockets: frozenset[str]) -> set[int]:
    return {pid for pid in pids if sockets & open_files(pid)}


def everyone() -> set[int]:
    """Return every process."""
    return {int(name) for name in os.listdir(PROC) if name.isdigit()}


def open_files(pid: int) -> set[str]:
    """Return what the descriptors of a process stand for; nothing once it has ended."""
    found = set()
    folder = f"{PROC}/{pid}/fd"
    try:
        for descriptor in os.listdir(folder):
            found.add(os.readlink(f"{folder}/{descriptor}"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # Processes end and close files while being read; those of other users cannot be read.
        return found
    return found


def parent(pid: int) -> int:
    """Return the parent of a process; 0 once it has ended."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # The name in brackets may contain anything, so the fields are counted from its end.
    return int(stat.rpartition(")")[2].split()[1])


def family(roots: Iterable[int]) -> set[int]:
    """Return these processes and all that descend from them."""
    members = set(roots)
    parents = {pid: parent(pid) for pid in everyone()}
    grown = True
    while grown:
        children = {pid for pid, above in parents.items() if above in members} - members
        members |= children
        grown = bool(children)
    return members


def command(pid: int) -> list[str]:
    """Return the command line of a process; empty once it has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def environment(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with."""
    pairs = (PROC / str(pid) / "environ").read_bytes().decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def inside(folder: Path) -> set[int]:
    """Return the processes that work in a folder or below it."""
    return {pid for pid in everyone() if folder in [(place := _workplace(pid)), *place.parents]}


def encoders(pids: Iterable[int]) -> set[int]:
    """Return those of these processes that are ffmpeg."""
    return {pid for pid in pids if "ffmpeg" in os.path.basename((command(pid) or [""])[0])}


def resident(pids: Iterable[int]) -> int:
    """Return the memory that these processes hold in bytes, shared pages divided among those who share (PSS)."""
    return sum(_pss(pid) for pid in pids)


def cpu(pid: int) -> dict[tuple[int, str], float]:
    """Return the processor seconds of a process, by its id and start; nothing once it has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    # Fields 14, 15 and 22 of proc(5): user and system time, and the start time, because ids are reused.
    return {(pid, fields[19]): (int(fields[11]) + int(fields[12])) / TICKS}


def _workplace(pid: int) -> Path:
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return Path()


def _pss(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return sum(int(line.split()[1]) * KILOBYTE for line in lines if line.startswith("Pss:"))

"""Processes of a home, found by a marker in their environment, whatever their parent is now."""

import os
import signal
import time
from pathlib import Path

from local.home import MARKER, Home
from local.problem import Problem

KILL_AFTER_SECONDS = 10.0


def find(home: Home) -> list[int]:
    """Return the ids of all live processes that were started for this home."""
    marker = os.fsencode(f"{MARKER}={home.path}")
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _has_marker(entry, marker)]


def stop(home: Home, kill_after_seconds: float = KILL_AFTER_SECONDS) -> int:
    """End every process of this home, by SIGTERM and then SIGKILL; return how many there were."""
    found = find(home)
    _signal(found, signal.SIGTERM)
    deadline = time.monotonic() + kill_after_seconds
    while (alive := find(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    deadline = time.monotonic() + KILL_AFTER_SECONDS
    while alive:
        if time.monotonic() > deadline:
            raise Problem(f"These processes cannot be killed: {alive}. Wait for their disk, or restart the machine.")
        _signal(alive, signal.SIGKILL)
        time.sleep(0.1)
        alive = find(home)
    return len(found)


def _has_marker(process: Path, marker: bytes) -> bool:
    try:
        return marker in (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or belongs to another user
        return False


def _signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue

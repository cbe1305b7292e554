"""A share of the machine's ports for each process of tests.

A system chooses all of its ports at once and starts its servers when they are needed, up to minutes later. Meanwhile,
no other process of tests may take them: another worker, or another checkout that is tested at the same time.
"""

import fcntl
import os
import tempfile
from functools import cache
from pathlib import Path

from local import ports

SHARES = 16
FREE = range(10_000, ports.LOWEST)  # for tests; systems have those above


def of_systems() -> range:
    """Return the ports for systems of this process."""
    return _share(range(ports.LOWEST, ports.HIGHEST))


def of_tests() -> range:
    """Return the ports for servers of tests themselves, of this process."""
    return _share(FREE)


def _share(whole: range) -> range:
    number = _number()
    size = len(whole) // SHARES
    return whole if number is None else whole[number * size : (number + 1) * size]


@cache
def _number() -> int | None:
    """Return the number of a share that no other process has, until this one ends; None if there are too many."""
    for number in range(SHARES):
        path = Path(tempfile.gettempdir()) / f"mp3-test-ports-{os.getuid()}-{number}"
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return number
    return None

"""Cores: how many encoders a conversion may run; conversions that run at the same time share the CPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from functions.common import cgroups

_lock = Lock()
_running = 0


@contextmanager
def shared(most: int = 0) -> Iterator[Callable[[], int]]:
    """Yield a function that returns how many encoders this conversion may run now; `most` is 0 for every core.

    Conversions that run at the same time share the cores: more encoders than cores would only slow each other down.
    """
    global _running
    cores = most or cgroups.cpus()
    with _lock:
        _running += 1
    try:
        yield lambda: max(1, cores // max(1, _running))
    finally:
        with _lock:
            _running -= 1

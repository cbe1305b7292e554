"""Sample something in a thread while a test runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def sampling(look: Callable[[], object], every_seconds: float) -> Iterator[None]:
    """Call `look` in a thread until the block ends; its exceptions are raised there."""
    over = threading.Event()

    def sample() -> None:
        while not over.wait(every_seconds):
            look()

    with ThreadPoolExecutor(1) as pool:
        sampler = pool.submit(sample)
        try:
            yield
        finally:
            over.set()
        sampler.result()

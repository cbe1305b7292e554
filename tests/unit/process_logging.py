"""The logging of the process, which a function's start changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored() -> Iterator[None]:
    """Undo the changes of a block."""
    pika = logging.getLogger("pika")
    handlers, level, pika_level = logging.root.handlers[:], logging.root.level, pika.level
    try:
        yield
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        pika.setLevel(pika_level)

"""Bars for what is going on, on a terminal, and lines that stay above them."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import TextIO

from tqdm import tqdm

_WIDEST_LABEL = 28
_PERCENT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"

tqdm.set_lock(threading.RLock())  # without its lock for several processes
tqdm.monitor_interval = 0


class Bar:
    """What happens to one file, step by step."""

    def __init__(self, name: str, shown: bool) -> None:
        self._name = name if len(name) <= _WIDEST_LABEL else f"{name[: _WIDEST_LABEL - 1]}…"
        self._shown = shown
        self._bar: tqdm[None] | None = None

    def step(self, doing: str, *, total: float, in_bytes: bool) -> None:
        """Begin a step."""
        self.close()
        if self._shown:
            unit = {"unit": "B", "unit_scale": True, "unit_divisor": 1024} if in_bytes else {"bar_format": _PERCENT}
            label = f"{self._name:<{_WIDEST_LABEL}} {doing:<10}"
            self._bar = tqdm(total=total, desc=label, leave=False, dynamic_ncols=True, file=sys.stderr, **unit)

    def at(self, done: float, total: float | None = None) -> None:
        """Show how much is done."""
        if self._bar is not None:
            if total is not None:
                self._bar.total = total
            self._bar.n = done
            self._bar.update(0)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def are_useful() -> bool:
    """Tell whether somebody sees bars."""
    return sys.stderr.isatty()


def line(text: str, file: TextIO) -> None:
    """Print a line that stays."""
    with tqdm.external_write_mode(file=file):
        print(text, file=file, flush=True)


def stop() -> None:
    """Let no bar move any more, and remove those that are there."""
    tqdm.get_lock().acquire()
    for bar in list(getattr(tqdm, "_instances", ())):
        with suppress(OSError):
            bar.clear(nolock=True)

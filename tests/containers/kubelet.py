"""What a kubelet checks in containers: liveness probes and the use of the disk."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from tests.containers import given

if TYPE_CHECKING:
    from tests.containers.system import ContainedStack

LOOK_SECONDS = 1.0


class Kubelet(threading.Thread):
    """Probes and measures until stopped. It only records why a kubelet would have restarted a container."""

    def __init__(self, stack: ContainedStack) -> None:
        super().__init__(name="kubelet", daemon=True)
        self.troubles: list[str] = []
        self._stack = stack
        self._ended = threading.Event()
        self._failures: Counter[str] = Counter()
        self._asked: dict[str, float] = {}

    def run(self) -> None:
        """Watch."""
        while not self._ended.wait(LOOK_SECONDS):
            states = self._stack.states()
            for name in self._stack.functions:
                if states[name] == "RUNNING":
                    self._ask(name)
                    self._measure(name)
                else:
                    self._failures[name] = 0

    def end(self) -> None:
        """Stop."""
        self._ended.set()
        if self.is_alive():
            self.join()

    def _ask(self, name: str) -> None:
        probe = given.said(name).live
        if time.monotonic() < self._asked.get(name, 0) + probe.period_seconds:
            return
        self._asked[name] = time.monotonic()
        url = f"{self._stack.functions[name]}{probe.path}"
        self._failures[name] = 0 if answers(url, probe.timeout_seconds) else self._failures[name] + 1
        if self._failures[name] >= probe.failures:
            self.troubles.append(f"{name} did not answer {probe.path} {probe.failures} times in a row")

    def _measure(self, name: str) -> None:
        said = given.said(name)
        most = min(said.disk_bytes, *said.scratch.values())
        used = _bytes_in(self._stack.contained.tmp(name))
        if used > most:
            self.troubles.append(f"{name} holds {used} bytes in /tmp, and may hold {most}")


def answers(url: str, seconds: float) -> bool:
    """Tell whether a probe succeeds."""
    try:
        return 200 <= requests.get(url, timeout=seconds, allow_redirects=False).status_code < 400
    except requests.RequestException:
        return False


def _bytes_in(folder: Path) -> int:
    found = 0
    # Files and folders come and go while they are counted; os.walk passes over a folder that is gone.
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(FileNotFoundError):
                found += (Path(parent) / name).lstat().st_blocks * 512
    return found

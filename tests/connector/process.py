"""The connector as it is deployed: its own process, configured by its environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Connector:
    """A running connector and what it logged."""

    def __init__(self, log: Path, settings: dict[str, str]) -> None:
        self._log = log
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "functions.connector"],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"]} | settings,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )

    @property
    def text(self) -> str:
        """All that it wrote."""
        return self._log.read_text()

    def lines(self, message: str) -> list[dict[str, Any]]:
        """Return the log lines with that message."""
        # The last line may be incomplete.
        whole = [line for line in self.text.splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in map(json.loads, whole) if line["message"].startswith(message)]

    def running(self) -> bool:
        """Tell whether the process lives."""
        return self._process.poll() is None

    def signal(self) -> None:
        """Ask it to stop, as every platform does."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float = 15.0) -> int:
        """Wait for its end and return its exit status."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """Ask it to stop and return its exit status."""
        self.signal()
        return self.ended()

    def close(self) -> None:
        """Kill the process if it still runs."""
        if self.running():
            self._process.kill()
        self._process.wait(15)

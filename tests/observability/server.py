"""A real Prometheus that scrapes the functions of a system, and its query results."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.clients.waiting import until
from tests.observability import files

TIMEOUT_SECONDS = 10
STOP_SECONDS = 10


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def get(self, what: str, **parameters: str) -> Any:
        """Call its API; fail if that returns an error."""
        answer = requests.get(f"{self.url}/api/v1/{what}", params=parameters, timeout=TIMEOUT_SECONDS).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def values(self, query: str) -> list[float]:
        """Return a query's numbers, without NaN."""
        numbers = [float(sample["value"][1]) for sample in self.get("query", query=query)["result"]]
        return [number for number in numbers if not math.isnan(number)]

    def unread(self) -> list[str]:
        """Return the errors of targets that could not be scraped."""
        targets = self.get("targets")["activeTargets"]
        if not targets:
            return ["no target has been discovered yet"]
        return [f"{target['labels']}: {target['lastError']}" for target in targets if target["health"] != "up"]


@contextmanager
def running(program: Path, folder: Path, port: int, jobs: list[dict[str, Any]]) -> Iterator[Prometheus]:
    """Run a server that scrapes these targets every second, with this repository's rules."""
    configuration = folder / "prometheus.yml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"},
                "rule_files": [str(files.ALERTS)],
                "scrape_configs": jobs,
            }
        )
    )
    command = [
        str(program),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        server = Prometheus(f"http://127.0.0.1:{port}")
        try:
            until(lambda: _ready(server, process, folder), "Prometheus to be ready")
            yield server
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _ready(server: Prometheus, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "log").read_text()
    try:
        return requests.get(f"{server.url}/-/ready", timeout=TIMEOUT_SECONDS).ok
    except requests.ConnectionError:
        return False

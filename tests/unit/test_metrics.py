"""Metrics: one process for each function, nothing heavy at its start, old news is no news."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from functions.common import metrics

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 60
HEAVY = ("opentelemetry", "grpc", "pymongo", "pika", "pymysql", "numpy", "requests", "urllib3")


def test_one_process_counts() -> None:
    """With a second worker each scrape would see another one's numbers."""
    assert runpy.run_path(str(ROOT / "functions" / "gunicorn.conf.py"))["workers"] == 1


def test_the_start_loads_nothing_for_them_but_the_client() -> None:
    """Cold start is a feature: no exporter, no driver, and of our own what the start needs anyhow."""
    code = "import json, sys, functions.common.metrics, functions.common.log; print(json.dumps(list(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
    )
    modules = json.loads(loaded.stdout)
    assert "prometheus_client" in modules
    assert {name for name in modules if name.split(".")[0] in HEAVY} == set()


def test_what_was_counted_long_ago_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweeper that is called no more must not go on telling how things stood."""
    clock = 1000.0
    monkeypatch.setattr(metrics.time, "monotonic", lambda: clock)
    metrics.tell(metrics.stands("jobs", "Jobs.", "state", {"ready": 7}))
    assert b'mp3converter_jobs{state="ready"} 7.0' in metrics.render()[0]
    clock += 121
    assert b"mp3converter_jobs" not in metrics.render()[0]


def test_an_invented_method_is_no_label() -> None:
    metrics.answered("login", "BREW", 405, 0.1)
    assert b'method="BREW"' not in metrics.render()[0]
    assert b'method="other",status="405"' in metrics.render()[0]

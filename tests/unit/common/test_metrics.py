"""Metrics: one process for each function, nothing heavy at its start, old news is no news."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from functions.common import metrics

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_SECONDS = 60
HEAVY = ("prometheus_client", "opentelemetry", "grpc", "pymongo", "pika", "pymysql", "numpy", "requests", "urllib3")


def test_one_process_counts() -> None:
    """With a second worker each scrape would see another one's numbers."""
    assert runpy.run_path(str(ROOT / "functions" / "gunicorn.conf.py"))["workers"] == 1


def test_the_start_loads_nothing_for_them() -> None:
    """Cold start is a feature: no exporter, no driver, and the client itself only when an answer is out."""
    code = "import json, sys, functions.common.metrics, functions.common.log; print(json.dumps(list(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
    )
    assert {name for name in json.loads(loaded.stdout) if name.split(".")[0] in HEAVY} == set()


def test_notes_do_not_pile_up() -> None:
    """A process that never answers, such as a command, counts as well."""
    for _ in range(5000):
        metrics.took("claim")
    assert len(metrics._noted) < 1000
    assert b'mp3converter_transitions_total{transition="claim"}' in metrics.render()[0]


def test_what_was_counted_long_ago_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweeper that is called no more must not go on telling how things stood."""
    clock = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: clock)
    metrics.tell(metrics.Standing("jobs", "Jobs.", "state", {"ready": 7}))
    assert b'mp3converter_jobs{state="ready"} 7.0' in metrics.render()[0]
    clock += 121
    assert b"mp3converter_jobs" not in metrics.render()[0]


def test_an_invented_method_is_no_label() -> None:
    metrics.answered("login", "BREW", 405, 0.1)
    assert b'method="BREW"' not in metrics.render()[0]
    assert b'method="other",status="405"' in metrics.render()[0]

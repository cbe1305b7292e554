"""Metrics: one process per function, nothing heavy at its start, and no outdated values."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from functions.common import metrics

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_SECONDS = 60
HEAVY = ("prometheus_client", "opentelemetry", "grpc", "pymongo", "pika", "pymysql", "numpy", "requests", "urllib3")


@pytest.fixture(autouse=True)
def _no_other_values() -> Iterator[None]:
    """No values from or for other tests."""
    metrics.take_changes()
    yield
    metrics.take_changes()
    metrics.set_gauges({})


@pytest.fixture
def counters() -> ModuleType:
    """The module as in a process that has just started: a copy with a registry of its own."""
    spec = importlib.util.find_spec("functions.common.counters")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_function_has_one_process() -> None:
    """With a second worker, each scrape would get the numbers of one of them."""
    assert runpy.run_path(str(ROOT / "functions" / "gunicorn.conf.py"))["workers"] == 1


def test_nothing_is_loaded_at_start() -> None:
    """For a fast cold start, no exporter or driver is loaded, and the client only after the first answer."""
    code = "import json, sys, functions.common.metrics, functions.common.log; print(json.dumps(list(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
    )
    assert {name for name in json.loads(loaded.stdout) if name.split(".")[0] in HEAVY} == set()


def test_pending_values_do_not_accumulate() -> None:
    """A process that never answers requests, such as a command, counts too."""
    for _ in range(5000):
        metrics.count(metrics.TRANSITIONS, "claim")
    notes = metrics.take_changes()
    assert notes.amounts == {(metrics.TRANSITIONS, ("claim",)): 5000}
    assert metrics.take_changes() == metrics.Changes({}, [])


def test_pending_values_are_counted_once(counters: ModuleType) -> None:
    metrics.count(metrics.BYTES, "mp3s", metrics.READ, amount=70)
    metrics.count(metrics.BYTES, "mp3s", metrics.READ, amount=30)
    metrics.count(metrics.AUDIO, amount=2.5)
    metrics.observe(metrics.CONVERSIONS, 7.0, metrics.DONE)
    for _ in range(2):
        shown = counters.render()[0]
        assert b'mp3converter_file_bytes_total{bucket="mp3s",direction="read"} 100.0' in shown
        assert b"mp3converter_audio_seconds_total 2.5" in shown
        assert b'mp3converter_conversion_duration_seconds_bucket{le="5.0",outcome="done"} 0.0' in shown
        assert b'mp3converter_conversion_duration_seconds_bucket{le="10.0",outcome="done"} 1.0' in shown


@pytest.mark.parametrize(
    ("function", "series"),
    [
        ("login", b'http_request_duration_seconds_count{function="login"} 0.0'),
        ("convert", b'mp3converter_transitions_total{transition="postpone"} 0.0'),
        ("convert", b'mp3converter_conversion_duration_seconds_count{outcome="failed"} 0.0'),
        ("convert", b'mp3converter_conversion_failures_total{code="gave_up"} 0.0'),
        ("upload", b'mp3converter_events_total{outcome="failed"} 0.0'),
        ("sweep", b'mp3converter_sweep_troubles_total{trouble="not_mended"} 0.0'),
    ],
)
def test_counters_start_at_zero(function: str, series: bytes, counters: ModuleType) -> None:
    assert series not in counters.render()[0]
    counters.begin(function)
    assert series in counters.render()[0]


def test_gauges_expire(counters: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """When sweep is no longer called, its last numbers must not be exported."""
    clock = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: clock)
    metrics.set_gauges({metrics.JOBS: {"ready": 7}})
    assert b'mp3converter_jobs{state="ready"} 7.0' in counters.render()[0]
    clock += 121
    assert b"mp3converter_jobs" not in counters.render()[0]


def test_the_next_gauges_replace_the_last() -> None:
    metrics.set_gauges({metrics.JOBS: {"ready": 7}, metrics.MAILS: {"none": 1}})
    metrics.set_gauges({metrics.JOBS: {"converting": 2}})
    assert metrics.gauges() == {metrics.JOBS: {"converting": 2}}


def test_gauges_of_the_process_stay(counters: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are changed by steps, start at zero, and no pass of sweep resets them."""
    monkeypatch.setattr(metrics, "_levels", defaultdict(dict))
    assert b"mp3converter_open_requests" not in counters.render()[0]
    counters.begin("jobs")
    assert b'mp3converter_open_requests{wait="events"} 0.0' in counters.render()[0]
    for step in (1, 1, -1):
        metrics.move(metrics.OPEN, metrics.EVENTS_FOLLOWED, step)
        metrics.set_gauges({})
    metrics.move(metrics.OPEN, metrics.END_AWAITED, 1)
    assert metrics.levels() == {metrics.OPEN: {"events": 1, "end": 1}}
    assert b'mp3converter_open_requests{wait="events"} 1.0' in counters.render()[0]


def test_each_metric_is_declared_once() -> None:
    assert len({metric.name for metric in metrics.TABLE}) == len(metrics.TABLE) == 17

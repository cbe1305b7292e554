"""Metrics: the table of all metrics, and their changes until Prometheus' client is loaded.

Loading the client takes a fifteenth of a cold start, and no answer needs it, so functions.common.counters applies the
changes later. Values of labels come from the code, never from a request: no id, address or file name.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from threading import Lock
from typing import Literal, NamedTuple

DONE, FAILED, AGAIN, LOST = "done", "failed", "again", "lost"  # how a conversion ends
READ, WRITTEN = "read", "written"
EVENTS_FOLLOWED, END_AWAITED = "events", "end"  # why a request is kept open
PUBLISHED, NOT_PUBLISHED = "published", "failed"
REPAIRS_FAILED, NOT_REPAIRED = "repairs_failed", "not_mended"
MAX_COUNTED = 10_000  # jobs, mails or webhooks in one state that sweep counts

_GAUGE_SECONDS = 120.0  # how long the gauges of a pass of sweep are shown


class Metric(NamedTuple):
    """A metric: a counter, a histogram of seconds, or a gauge with one label."""

    kind: Literal["counter", "histogram", "gauge"]
    name: str
    meaning: str
    labels: tuple[str, ...] = ()


TABLE: list[Metric] = []


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return _declare(Metric("counter", name, meaning, labels))


def _histogram(name: str, meaning: str, *labels: str) -> Metric:
    return _declare(Metric("histogram", name, meaning, labels))


def _gauge(name: str, meaning: str, label: str) -> Metric:
    return _declare(Metric("gauge", name, meaning, (label,)))


def _declare(metric: Metric) -> Metric:
    TABLE.append(metric)
    return metric


REQUESTS = _counter("http_requests", "Requests answered.", "function", "method", "status")
DURATIONS = _histogram("http_request_duration_seconds", "Time to the first byte of the response.", "function")
TRANSITIONS = _counter("mp3converter_transitions", "Transitions of jobs.", "transition")
CONVERSIONS = _histogram("mp3converter_conversion_duration_seconds", "Conversions, by outcome.", "outcome")
FAILURES = _counter("mp3converter_conversion_failures", "Conversions that failed permanently.", "code")
AUDIO = _counter("mp3converter_audio_seconds", "Total length of the MP3s.")
BYTES = _counter("mp3converter_file_bytes", "Bytes of files in GridFS.", "bucket", "direction")
EVENTS = _counter("mp3converter_events", "Events sent to RabbitMQ.", "outcome")
TIME_TO_MAIL = _histogram(
    "mp3converter_time_to_mail_seconds", "Time from the start of an upload until its mail was accepted."
)
TROUBLES = _counter("mp3converter_sweep_troubles", "Failures during passes of sweep.", "trouble")
JOBS = _gauge("mp3converter_jobs", f"Jobs that have not ended, by state; at most {MAX_COUNTED}.", "state")
OLDEST_JOB = _gauge("mp3converter_oldest_job_seconds", "Time since the oldest job was created.", "state")
MAILS = _gauge("mp3converter_mails", f"Mails that were not sent, by state; at most {MAX_COUNTED}.", "state")
OLDEST_MAIL = _gauge("mp3converter_oldest_mail_seconds", "Time since the job of the oldest mail was created.", "state")

WEBHOOKS = _gauge("mp3converter_webhooks", f"Webhooks that were not sent, by state; at most {MAX_COUNTED}.", "state")
OLDEST_WEBHOOK = _gauge(
    "mp3converter_oldest_webhook_seconds", "Time since the job of the oldest webhook was created.", "state"
)
OPEN = _gauge("mp3converter_open_requests", "Requests that are kept open, by what they wait for.", "wait")

Labels = tuple[str, ...]


class Changes(NamedTuple):
    """Amounts to add to counters, and seconds to observe in histograms."""

    amounts: Mapping[tuple[Metric, Labels], float]
    seconds: list[tuple[Metric, Labels, float]]


_lock = Lock()
_amounts: defaultdict[tuple[Metric, Labels], float] = defaultdict(float)
_seconds: list[tuple[Metric, Labels, float]] = []
_gauges: dict[Metric, Mapping[str, float]] = {}
_gauges_until = 0.0  # on the monotonic clock
_levels: defaultdict[Metric, dict[str, float]] = defaultdict(dict)


def count(metric: Metric, *labels: str, amount: float = 1) -> None:
    """Add to a counter."""
    with _lock:
        _amounts[metric, labels] += amount


def observe(metric: Metric, seconds: float, *labels: str) -> None:
    """Add an observation to a histogram."""
    with _lock:
        _seconds.append((metric, labels, seconds))


def set_gauges(gauges: Mapping[Metric, Mapping[str, float]]) -> None:
    """Set all gauges, by the value of their label; they are shown until they are set again or too old."""
    global _gauges_until
    with _lock:
        _gauges.clear()
        _gauges.update(gauges)
        _gauges_until = time.monotonic() + _GAUGE_SECONDS


def gauges() -> dict[Metric, Mapping[str, float]]:
    """Return the gauges, or nothing if they are too old."""
    with _lock:
        return dict(_gauges) if time.monotonic() < _gauges_until else {}


def move(metric: Metric, label: str, amount: float) -> None:
    """Add to a gauge of this process, which no pass sets."""
    with _lock:
        _levels[metric][label] = _levels[metric].get(label, 0.0) + amount


def levels() -> dict[Metric, Mapping[str, float]]:
    """Return the gauges of this process."""
    with _lock:
        return {metric: dict(values) for metric, values in _levels.items()}


def take_changes() -> Changes:
    """Return the changes since the last call, and reset them."""
    with _lock:
        changes = Changes(dict(_amounts), list(_seconds))
        _amounts.clear()
        _seconds.clear()
    return changes

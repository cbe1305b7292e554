"""Metrics: the table of what the functions count, and the notes of it until an answer is out.

Prometheus' client would be a fifteenth of a cold start, and no answer needs it: functions.common.counters takes the
notes over later. A label takes its values from a table in the code, never from a request: no id, address or file name.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from threading import Lock
from typing import Literal, NamedTuple

DONE, FAILED, AGAIN, LOST = "done", "failed", "again", "lost"  # how a conversion ends
READ, WRITTEN = "read", "written"
PUBLISHED, NOT_PUBLISHED = "published", "failed"
REPAIRS_FAILED, NOT_MENDED = "repairs_failed", "not_mended"
MAX_COUNTED = 10_000  # jobs or mails of one state that sweep counts

_GAUGE_SECONDS = 120.0  # how long what a pass of sweep has counted is shown


class Metric(NamedTuple):
    """One metric: a counter, a histogram of seconds, or a gauge that has one label."""

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
DURATIONS = _histogram("http_request_duration_seconds", "Time to the answer's first byte.", "function")
TRANSITIONS = _counter("mp3converter_transitions", "Changes of jobs, by their row in the table.", "transition")
CONVERSIONS = _histogram("mp3converter_conversion_duration_seconds", "Conversions, by how they ended.", "outcome")
FAILURES = _counter("mp3converter_conversion_failures", "Conversions that failed for good.", "code")
AUDIO = _counter("mp3converter_audio_seconds", "Length of the MP3s that were made.")
BYTES = _counter("mp3converter_file_bytes", "Bytes of files in GridFS.", "bucket", "direction")
EVENTS = _counter("mp3converter_events", "Events sent to RabbitMQ.", "outcome")
TIME_TO_MAIL = _histogram("mp3converter_time_to_mail_seconds", "From an upload's beginning until its mail was taken.")
TROUBLES = _counter("mp3converter_sweep_troubles", "What a pass of sweep could not do.", "trouble")
JOBS = _gauge("mp3converter_jobs", f"Jobs that have not ended, by state; at most {MAX_COUNTED}.", "state")
OLDEST_JOB = _gauge("mp3converter_oldest_job_seconds", "Time since the upload of the oldest job began.", "state")
MAILS = _gauge("mp3converter_mails", f"Mails that were not sent, by state; at most {MAX_COUNTED}.", "state")
OLDEST_MAIL = _gauge("mp3converter_oldest_mail_seconds", "Time since the upload of the oldest mail's job.", "state")

Labels = tuple[str, ...]


class Notes(NamedTuple):
    """What was noted: amounts to add, and seconds to observe."""

    amounts: Mapping[tuple[Metric, Labels], float]
    seconds: list[tuple[Metric, Labels, float]]


_lock = Lock()
_amounts: defaultdict[tuple[Metric, Labels], float] = defaultdict(float)
_seconds: list[tuple[Metric, Labels, float]] = []
_gauges: dict[Metric, Mapping[str, float]] = {}
_gauges_until = 0.0  # on the monotonic clock


def count(metric: Metric, *labels: str, amount: float = 1) -> None:
    """Add to a counter."""
    with _lock:
        _amounts[metric, labels] += amount


def observe(metric: Metric, seconds: float, *labels: str) -> None:
    """Add an observation to a histogram."""
    with _lock:
        _seconds.append((metric, labels, seconds))


def show(gauges: Mapping[Metric, Mapping[str, float]]) -> None:
    """Show these gauges, by their label's values, until the next ones come or they are old."""
    global _gauges_until
    with _lock:
        _gauges.clear()
        _gauges.update(gauges)
        _gauges_until = time.monotonic() + _GAUGE_SECONDS


def gauges() -> dict[Metric, Mapping[str, float]]:
    """Return the gauges to show now."""
    with _lock:
        return dict(_gauges) if time.monotonic() < _gauges_until else {}


def take() -> Notes:
    """Return what was noted since the last call, and forget it."""
    with _lock:
        notes = Notes(dict(_amounts), list(_seconds))
        _amounts.clear()
        _seconds.clear()
    return notes

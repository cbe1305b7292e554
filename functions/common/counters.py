"""Counters: what the functions count, in Prometheus' client.

They load after the first answer; all but `functions.common.metrics` leave them alone. A label takes its values from a
table in the code, never from a request: no id, no address, no name of a file. All is kept in the memory of one process,
so a function has one (workers in functions/gunicorn.conf.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from functions.common import transitions
from functions.common.metrics import AGAIN, DONE, FAILED, LOST, NOT_PUBLISHED, PUBLISHED, Standing

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
# From a token to the longest upload.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_STANDING_SECONDS = 120.0  # how long what a pass of sweep has counted is told

disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = CollectorRegistry()
ProcessCollector(registry=_registry)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, registry=_registry)


def _histogram(name: str, meaning: str, *labels: str) -> Histogram:
    return Histogram(name, meaning, labels, registry=_registry, buckets=_SECONDS)


_requests = _counter("http_requests", "Requests answered.", "function", "method", "status")
_durations = _histogram("http_request_duration_seconds", "Time to the answer's first byte.", "function")
_transitions = _counter("mp3converter_transitions", "Changes of jobs, by their row in the table.", "transition")
_conversions = _histogram("mp3converter_conversion_duration_seconds", "Conversions, by how they ended.", "outcome")
_failures = _counter("mp3converter_conversion_failures", "Conversions that failed for good.", "code")
_audio = _counter("mp3converter_audio_seconds", "Length of the MP3s that were made.")
_bytes = _counter("mp3converter_file_bytes", "Bytes of files in GridFS.", "bucket", "direction")
_events = _counter("mp3converter_events", "Events sent to RabbitMQ.", "outcome")
_until_mail = _histogram("mp3converter_time_to_mail_seconds", "From an upload's beginning until its mail was taken.")
_troubles = _counter("mp3converter_sweep_troubles", "What a pass of sweep could not do.", "trouble")


class _Standing(Collector):
    """What the last pass of sweep counted in the database; nothing once that is old."""

    def __init__(self) -> None:
        self._families: tuple[Metric, ...] = ()
        self._told_until = 0.0

    def tell(self, families: tuple[Metric, ...], at: float) -> None:
        self._families, self._told_until = families, at + _STANDING_SECONDS

    def collect(self) -> Iterator[Metric]:
        if time.monotonic() < self._told_until:
            yield from self._families


_standing = _Standing()
_registry.register(_standing)


def begin(function: str) -> None:
    """Tell zeros of what a function will count: a counter that appears with its first event hides that event."""
    _durations.labels(function)
    for row in transitions.TABLE:
        if function in row.who.split(", "):
            _transitions.labels(row.name)
    if function == "convert":
        for outcome in (DONE, FAILED, AGAIN, LOST):
            _conversions.labels(outcome)
        _failures.labels("gave_up")
    if function in ("upload", "convert", "sweep"):
        for outcome in (PUBLISHED, NOT_PUBLISHED):
            _events.labels(outcome)
    if function == "sweep":
        for trouble in ("repairs_failed", "not_mended"):
            _troubles.labels(trouble)


def render() -> tuple[bytes, str]:
    """Return all metrics and their media type."""
    return generate_latest(_registry), CONTENT_TYPE_LATEST


def answered(function: str, method: str, status: int, seconds: float) -> None:
    """Count a request and its answer."""
    _requests.labels(function, method if method in _METHODS else "other", status).inc()
    _durations.labels(function).observe(seconds)


def took(transition: str) -> None:
    """Count that a job went through a row of the table."""
    _transitions.labels(transition).inc()


def converted(outcome: str, seconds: float) -> None:
    """Count a conversion by how it ended."""
    _conversions.labels(outcome).observe(seconds)


def made(audio_seconds: float) -> None:
    """Count the sound of a new MP3."""
    _audio.inc(audio_seconds)


def gave_up(code: str) -> None:
    """Count a conversion that failed for good, by a code of functions.common.errors."""
    _failures.labels(code).inc()


def moved(bucket: str, direction: str, length: int) -> None:
    """Count bytes that were read from a bucket or written to it."""
    _bytes.labels(bucket, direction).inc(length)


def published(outcome: str, number: int) -> None:
    """Count events by whether the broker took them."""
    _events.labels(outcome).inc(number)


def mailed(seconds: float) -> None:
    """Count a mail that the relay took, by how long its reader waited for it."""
    _until_mail.observe(seconds)


def swept(done: Mapping[str, int]) -> None:
    """Count what a pass of sweep could not do."""
    for trouble in ("repairs_failed", "not_mended"):
        _troubles.labels(trouble).inc(done.get(trouble, 0))


def tell(standings: Iterable[Standing], at: float) -> None:
    """Tell how things stood at a moment of the monotonic clock, until it is told again or is old."""
    _standing.tell(tuple(map(_family, standings)), at)


def _family(standing: Standing) -> Metric:
    family = GaugeMetricFamily(f"mp3converter_{standing.name}", standing.meaning, labels=[standing.label])
    for value, number in standing.values.items():
        family.add_metric([value], number)
    return family

"""Counters: the metrics in Prometheus' client, which loads after the first answer.

They are in the memory of one process, so a function has only one (workers in functions/gunicorn.conf.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from functions.common import metrics, transitions
from functions.common.metrics import Labels, Metric

# From the fastest login to the longest upload.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = CollectorRegistry()
ProcessCollector(registry=_registry)
_counters = {
    metric: Counter(metric.name, metric.meaning, metric.labels, registry=_registry)
    for metric in metrics.TABLE
    if metric.kind == "counter"
}
_histograms = {
    metric: Histogram(metric.name, metric.meaning, metric.labels, registry=_registry, buckets=_SECONDS)
    for metric in metrics.TABLE
    if metric.kind == "histogram"
}


_KEEPING_OPEN = {"jobs": metrics.EVENTS_FOLLOWED, "upload": metrics.END_AWAITED}


class _Gauges(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric, values in (metrics.gauges() | metrics.levels()).items():
            family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            for value, number in values.items():
                family.add_metric([value], number)
            yield family


_registry.register(_Gauges())


def begin(function: str) -> None:
    """Create a function's counters with zero, because a counter that appears with its first event hides that event."""
    for metric, labels in _zeros(function):
        (_counters.get(metric) or _histograms[metric]).labels(*labels)
    if function in _KEEPING_OPEN:
        metrics.move(metrics.OPEN, _KEEPING_OPEN[function], 0)


def update() -> None:
    """Apply the changes since the last call."""
    changes = metrics.take_changes()
    for (metric, labels), amount in changes.amounts.items():
        counter = _counters[metric]
        (counter.labels(*labels) if labels else counter).inc(amount)
    for metric, labels, seconds in changes.seconds:
        histogram = _histograms[metric]
        (histogram.labels(*labels) if labels else histogram).observe(seconds)


def render() -> tuple[bytes, str]:
    """Return all metrics and their media type."""
    update()
    return generate_latest(_registry), CONTENT_TYPE_LATEST


def _zeros(function: str) -> Iterable[tuple[Metric, Labels]]:
    yield metrics.DURATIONS, (function,)
    for row in transitions.TABLE:
        if function in row.who.split(", "):
            yield metrics.TRANSITIONS, (row.name,)
    if function == "convert":
        for outcome in (metrics.DONE, metrics.FAILED, metrics.AGAIN, metrics.LOST):
            yield metrics.CONVERSIONS, (outcome,)
        yield metrics.FAILURES, ("gave_up",)
    if function in ("upload", "convert", "sweep", "jobs"):
        for outcome in (metrics.PUBLISHED, metrics.NOT_PUBLISHED):
            yield metrics.EVENTS, (outcome,)
    if function == "sweep":
        for trouble in (metrics.REPAIRS_FAILED, metrics.NOT_REPAIRED):
            yield metrics.TROUBLES, (trouble,)

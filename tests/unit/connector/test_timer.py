"""The timer: one call after another, on schedule, whatever the results."""

from __future__ import annotations

import logging
import threading
from itertools import chain, repeat

import pytest

from functions.connector import timer
from functions.connector.calls import Caller
from tests.connector.sink import Call, Sink

EVERY = 30.0


class Clock(threading.Event):
    """A clock, and the event that stops the timer: waits take no time, and the last one is after `ticks` calls."""

    def __init__(self, ticks: int) -> None:
        super().__init__()
        self.now = 1000.0
        self.waits: list[float] = []
        self.ticks = ticks

    def monotonic(self) -> float:
        """Return the time, like the module `time`."""
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Advance the time; return whether that was the last wait."""
        assert timeout is not None
        self.waits.append(timeout)
        self.now += timeout
        return len(self.waits) > self.ticks


def run_timer(sink: Sink, monkeypatch: pytest.MonkeyPatch, lasting: list[float], *answers: int) -> list[float]:
    """Run the timer for these calls, with these durations; return its waits."""
    clock = Clock(len(lasting))
    monkeypatch.setattr(timer, "time", clock)
    durations, statuses = iter(lasting), chain(answers, repeat(200))

    def answer(call: Call) -> int:
        clock.now += next(durations)
        return next(statuses)

    sink.answer = answer
    timer.run(f"{sink.url}sweep", EVERY, Caller(10.0), clock)
    assert len(sink.calls) == len(lasting)
    return clock.waits


def test_the_duration_of_a_call_does_not_shift_the_schedule(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_timer(sink, monkeypatch, [0.0, 5.0, 29.0, 0.0]) == [30.0, 30.0, 25.0, 1.0, 30.0]


def test_missed_calls_are_skipped(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a call that took several periods, the next is due at once, and the one after it a period later."""
    assert run_timer(sink, monkeypatch, [100.0, 0.0, 0.0]) == [30.0, 0.0, 30.0, 30.0]


def test_a_failed_call_does_not_stop_the_timer(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        run_timer(sink, monkeypatch, [0.0] * 5, 500, 0, 302, 204, 299)
    logged = [vars(record)["outcome"] for record in caplog.records if record.name == "functions.connector.timer"]
    assert logged == [500, "ConnectionError", 302]


def test_it_can_be_stopped_before_a_call(sink: Sink) -> None:
    stopping = threading.Event()
    stopping.set()
    timer.run(sink.url, EVERY, Caller(10.0), stopping)
    assert sink.calls == []

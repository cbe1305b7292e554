"""The timer: one call after the other, at its times, whatever becomes of each."""

from __future__ import annotations

import logging
import threading
from itertools import chain, repeat

import pytest

from functions.connector import timer
from tests.connector.sink import Call, Sink

EVERY = 30.0


class Clock(threading.Event):
    """The time and the event that ends the timer: a wait passes at once, and one after so many calls is the last."""

    def __init__(self, ticks: int) -> None:
        super().__init__()
        self.now = 1000.0
        self.waits: list[float] = []
        self.ticks = ticks

    def monotonic(self) -> float:
        """Return the time, as the module `time` does."""
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass; tell whether that was the last wait."""
        assert timeout is not None
        self.waits.append(timeout)
        self.now += timeout
        return len(self.waits) > self.ticks


def ticked(sink: Sink, monkeypatch: pytest.MonkeyPatch, lasting: list[float], *answers: int) -> list[float]:
    """Run the timer for as many calls as are given, each lasting so long; return its waits."""
    clock = Clock(len(lasting))
    monkeypatch.setattr(timer, "time", clock)
    durations, statuses = iter(lasting), chain(answers, repeat(200))

    def answer(call: Call) -> int:
        clock.now += next(durations)
        return next(statuses)

    sink.answer = answer
    timer.run(f"{sink.url}sweep", EVERY, 10.0, clock)
    assert len(sink.calls) == len(lasting)
    return clock.waits


def test_it_calls_at_its_times_however_long_a_call_lasts(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ticked(sink, monkeypatch, [0.0, 5.0, 29.0, 0.0]) == [30.0, 30.0, 25.0, 1.0, 30.0]


def test_calls_that_were_missed_are_not_made_up_for(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a call that lasted for several periods the next one is due at once, and the one after it a period later."""
    assert ticked(sink, monkeypatch, [100.0, 0.0, 0.0]) == [30.0, 0.0, 30.0, 30.0]


def test_a_call_that_fails_ends_nothing(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        ticked(sink, monkeypatch, [0.0] * 5, 500, 0, 302, 204, 299)
    told = [vars(record)["outcome"] for record in caplog.records if record.name == "functions.connector.timer"]
    assert told == [500, "ConnectionError", 302]


def test_it_ends_without_a_call_when_it_is_told_to(sink: Sink) -> None:
    stopping = threading.Event()
    stopping.set()
    timer.run(sink.url, EVERY, 10.0, stopping)
    assert sink.calls == []

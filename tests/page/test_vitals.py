"""The figures of Web Vitals that the benchmark reads from a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bench.vitals import Vitals, blocked, read, shifts

ADDRESS = "http://127.0.0.1/page/"
MS = 1000


def event(name: str, ts: int, *, frame: str = "1", dur: int = 0, tid: int = 7, **data: Any) -> dict[str, Any]:
    """Return an event as Chromium writes it; times are in milliseconds."""
    return {"name": name, "ts": ts * MS, "dur": dur * MS, "pid": 7, "tid": tid, "args": {"frame": frame, "data": data}}


def test_a_load_is_read_from_its_own_frame_and_thread() -> None:
    events = [
        event("RunTask", 1450, dur=200),
        event("navigationStart", 1000, documentLoaderURL=ADDRESS),
        event("navigationStart", 900, documentLoaderURL="http://127.0.0.1/licences.txt"),
        event("firstContentfulPaint", 950),
        event("firstContentfulPaint", 1400),
        event("largestContentfulPaint::Candidate", 1400),
        event("largestContentfulPaint::Candidate", 1700),
        event("largestContentfulPaint::Candidate", 1800, frame="2"),
        event("RunTask", 1100, dur=200),
        event("RunTask", 1900, dur=500, tid=8),
        event("LayoutShift", 1500, had_recent_input=False, weighted_score_delta=0.1),
        event("LayoutShift", 1600, had_recent_input=True, weighted_score_delta=0.5),
        event("LayoutShift", 1700, frame="2", had_recent_input=False, weighted_score_delta=0.5),
    ]
    assert read(json.dumps({"traceEvents": events}).encode(), ADDRESS) == Vitals(400, 700, 150, 0.1)


@pytest.mark.parametrize("missing", ["navigationStart", "firstContentfulPaint", "largestContentfulPaint::Candidate"])
def test_a_trace_without_the_load_is_no_good_load(missing: str) -> None:
    names = {"firstContentfulPaint", "largestContentfulPaint::Candidate"} - {missing}
    url = "" if missing == "navigationStart" else ADDRESS
    events = [event("navigationStart", 0, documentLoaderURL=url), *(event(name, 1) for name in names)]
    with pytest.raises(ValueError, match=r"no load of|nothing of"):
        read(json.dumps({"traceEvents": events}).encode(), ADDRESS)


def test_only_what_is_noticed_of_a_task_blocks() -> None:
    tasks = [(0, 50 * MS), (100 * MS, 80 * MS), (200 * MS, 120 * MS)]
    assert blocked(tasks, 0) == (30 + 70) * MS
    assert blocked(tasks, 260 * MS) == 10 * MS, "before the first paint there was nothing to wait for"


def test_the_worst_session_of_shifts_counts() -> None:
    second = 1000 * MS
    assert shifts([]) == 0
    assert shifts([(0, 0.1), (second // 2, 0.1), (3 * second, 0.15)]) == pytest.approx(0.2)
    steadily = [(at * second // 2, 0.1) for at in range(20)]
    assert shifts(steadily) == pytest.approx(1.0), "five seconds at most"

"""How a page loads in Chromium, read from its own trace: when the largest thing is painted, how long the page is busy.

The terms are those of Web Vitals: LCP, FCP, TBT (what is longer than 50 ms of each task after FCP), CLS (the worst
session of shifts, of 5 s at most and with gaps of less than 1 s).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Event = Mapping[str, Any]

CATEGORIES = ("loading", "devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel", "blink.user_timing")
LONG_TASK = 50_000
SESSION_GAP = 1_000_000
SESSION_MOST = 5_000_000
MILLISECOND = 1000
TASK = "RunTask"


@dataclass(frozen=True)
class Vitals:
    """The figures of one load, in milliseconds but for the last."""

    first_paint: float
    largest_paint: float
    blocked: float
    shifts: float


def read(trace: bytes, address: str) -> Vitals:
    """Return the figures of the load of an address. Raises ValueError if the trace has none."""
    events: list[Event] = sorted(json.loads(trace)["traceEvents"], key=lambda event: event.get("ts", 0))
    start = next((event for event in events if _is_start(event, address)), None)
    if start is None:
        raise ValueError(f"the trace has no load of {address}")
    began, frame = start["ts"], start["args"]["frame"]
    painted = _times(events, "firstContentfulPaint", frame, start)
    largest = _times(events, "largestContentfulPaint::Candidate", frame, start)
    if not painted or not largest:
        raise ValueError(f"nothing of {address} was painted")
    tasks = [
        (event["ts"], event["dur"])
        for event in events
        if event["name"] == TASK and (event["pid"], event["tid"]) == (start["pid"], start["tid"]) and "dur" in event
    ]
    return Vitals(
        (painted[0] - began) / MILLISECOND,
        (largest[-1] - began) / MILLISECOND,
        blocked(tasks, painted[0]) / MILLISECOND,
        shifts(_shifts(events, frame, start)),
    )


def blocked(tasks: Iterable[tuple[int, int]], after: int) -> int:
    """Return how long tasks kept the page busy beyond what nobody notices, of (begin, duration) after a time."""
    total = 0
    for began, lasted in tasks:
        late = began + lasted - max(began, after)
        total += max(0, late - LONG_TASK)
    return total


def shifts(scores: Iterable[tuple[int, float]]) -> float:
    """Return the worst session of (time, score)."""
    worst = session = 0.0
    first = last = 0
    for at, score in scores:
        if not session or at - last >= SESSION_GAP or at - first >= SESSION_MOST:
            session, first = 0.0, at
        session, last = session + score, at
        worst = max(worst, session)
    return worst


def _is_start(event: Event, address: str) -> bool:
    data = event.get("args", {}).get("data", {})
    return bool(event["name"] == "navigationStart" and data.get("documentLoaderURL") == address)


def _times(events: Sequence[Event], name: str, frame: str, start: Event) -> list[int]:
    return [
        event["ts"]
        for event in events
        if event["name"] == name and event["args"].get("frame") == frame and event["ts"] >= start["ts"]
    ]


def _shifts(events: Sequence[Event], frame: str, start: Event) -> list[tuple[int, float]]:
    found = []
    for event in events:
        data = event.get("args", {}).get("data", {})
        ours = event["name"] == "LayoutShift" and event["args"].get("frame") == frame and event["ts"] >= start["ts"]
        if ours and not data["had_recent_input"]:
            found.append((event["ts"], float(data["weighted_score_delta"])))
    return found

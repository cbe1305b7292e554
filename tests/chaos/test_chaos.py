"""Chaos for 20 seconds: whatever happens, nothing acknowledged is lost and nothing comes twice."""

from __future__ import annotations

import time
from pathlib import Path

from tests.chaos.arena import arena
from tests.chaos.run import PERIODS, Run

SECONDS = 20.0
SEED = 321  # among others: MongoDB and a converter are killed, a converter is stopped past its lease
SETTLE_SECONDS = 90.0


def test_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    """The schedule is one of the seed's; `./local/chaos` runs longer ones and others."""
    began = time.monotonic()
    with arena(PERIODS) as place:
        report = Run(place, SECONDS, SEED, tmp_path, print).run(SETTLE_SECONDS)
    print(report.text())
    print(f"{time.monotonic() - began:.0f} s in all")
    assert not report.problems, report.text()
    assert report.acknowledged > 0
    assert report.acknowledged == report.done + report.failed

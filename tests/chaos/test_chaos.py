"""Chaos for 20 seconds: nothing acknowledged is lost, and nothing is duplicated."""

from __future__ import annotations

import time
from pathlib import Path

from tests.chaos.run import PERIODS, Run
from tests.chaos.system import start_system

SECONDS = 20.0
SEED = 321  # among other faults, it kills MongoDB and a converter, and stops a converter past its lease
SETTLE_SECONDS = 90.0


def test_nothing_is_lost_or_duplicated(tmp_path: Path) -> None:
    """The seed is fixed; `./local/chaos` runs longer schedules with other seeds."""
    began = time.monotonic()
    with start_system(PERIODS) as system:
        report = Run(system, SECONDS, SEED, tmp_path, print).run(SETTLE_SECONDS)
    print(report.text())
    print(f"{time.monotonic() - began:.0f} s in total")
    assert not report.problems, report.text()
    assert report.acknowledged > 0
    assert report.acknowledged == report.done + report.failed

"""A test run lists what it left out at its end; with CI set, a skip is a failure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import TypeVar

import pytest
from xdist.workermanage import WorkerController

from tests.selection import left_out
from tests.workers import is_worker

MARK = "requires"
DESCRIPTION = "requires(missing, what): left out if `missing` is true; the summary says what is needed"
CLUSTER = "the manifests on a real cluster: ./local/cluster/up (needs Docker)"

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line("markers", DESCRIPTION)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests whose requirements are missing."""
    present: list[pytest.Item] = []
    missing: list[pytest.Item] = []
    counts = config.stash.setdefault(left_out, Counter())
    for item in items:
        needs = [mark.args[1] for mark in item.iter_markers(MARK) if mark.args[0]]
        counts.update(needs[:1])
        (missing if needs else present).append(item)
    if missing:
        items[:] = present
        config.hook.pytest_deselected(items=missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test in CI."""
    return _checked((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a skipped file in CI."""
    return _checked((yield))


def _checked(report: Report) -> Report:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"No test may be skipped in CI. {reason}"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send this worker's counts to the main process."""
    if is_worker(session.config):
        session.config.workeroutput["left_out"] = dict(session.config.stash.get(left_out, {}))  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    """Merge a worker's counts: each worker counts all tests."""
    counts = node.config.stash.setdefault(left_out, Counter())
    counts |= Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was left out, one line each."""
    counts = config.stash.get(left_out, Counter[str]())
    lines = [f"{number} tests: {what}" for what, number in sorted(counts.items())]
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        lines.append(CLUSTER)
    if lines:
        terminalreporter.section("left out")
        for line in lines:
            terminalreporter.write_line(line)

"""A run without a path prints how long the tests of each folder took, so that slow ones are noticed."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the seconds of each folder, the slowest first."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folders = report.nodeid.partition("::")[0].split("/")[1:-1]
                seconds[folders[0] if folders else "the tests themselves"] += round(report.duration * 1000)
    terminalreporter.section("seconds by folder")
    terminalreporter.write_line(", ".join(f"{name} {spent / 1000:.0f}" for name, spent in seconds.most_common()))

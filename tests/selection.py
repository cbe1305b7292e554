"""Selects the tests of a run: the default ones, the quick ones, or those that need a build first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MARK = "platforms"
PARTS = ("quick", "platforms", "all")
DEFAULT = "all but platforms"
QUICK = (
    "unit",
    "manifests",
    "test_ci.py",
    "test_closing.py",
    "test_readme_blocks.py",
    "test_workers.py",
    "connector/test_conversion.py",
    "connector/test_settings.py",
    "connector/test_statuses.py",
    "e2e/test_download.py",
    "e2e/test_events.py",
    "e2e/test_login.py",
    "e2e/test_serving.py",
    "e2e/test_three_lines.py",
    "integration/test_actions.py",
    "integration/test_dead_letters.py",
    "integration/test_fencing.py",
    "integration/test_files.py",
    "integration/test_jobs.py",
    "integration/test_lease.py",
    "integration/test_probe.py",
    "integration/test_queue.py",
    "integration/test_users.py",
)
PLATFORMS_LEFT_OUT = "need a compiler, an image or a container: ./local/test platforms"
OTHERS_LEFT_OUT = "need no compiler, image or container: ./local/test"
SLOWER_LEFT_OUT = "not in quick: ./local/test"

left_out = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses a part."""
    parser.addoption("--part", choices=PARTS, help="run only this part; without it or a path: all but platforms")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the part, and count the others."""
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    counts = config.stash.setdefault(left_out, Counter())
    for item in items:
        reason = _reason(item, config.option.part)
        counts.update([reason] if reason else [])
        (others if reason else kept).append(item)
    if others:
        items[:] = kept
        config.hook.pytest_deselected(items=others)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the part, in this process and its workers; with a path or a mark, everything that matches is run."""
    named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS or config.option.markexpr
    config.option.part = config.option.part or ("all" if named else DEFAULT)


def _reason(item: pytest.Item, part: str) -> str:
    """Return why a part leaves out a test, or "" if it does not."""
    if part == "all":
        return ""
    marked = item.get_closest_marker(MARK) is not None
    if part == "platforms":
        return "" if marked else OTHERS_LEFT_OUT
    if marked:
        return PLATFORMS_LEFT_OUT
    return SLOWER_LEFT_OUT if part == "quick" and not _is_quick(item.path) else ""


def _is_quick(path: Path) -> bool:
    return any(path == HERE / name or HERE / name in path.parents for name in QUICK)

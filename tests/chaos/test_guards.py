"""The list of guards is true: each stands where it is said to stand, and the test that would miss it exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.guards import GUARDS, ROOT, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_guard_can_be_removed_and_would_be_missed(guard: Guard) -> None:
    """Whether the test does fail then is shown by `./local/chaos --guards`, which takes minutes."""
    assert guard.wrong() == []


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_what_is_left_without_a_guard_is_still_python(guard: Guard, tmp_path: Path) -> None:
    """A file that cannot be read would fail every test, and prove nothing."""
    copy = tmp_path / guard.file
    copy.parent.mkdir(parents=True)
    copy.write_text((ROOT / guard.file).read_text())
    with guard.removed(tmp_path):
        changed = copy.read_text()
    compile(changed, guard.file, "exec")
    assert changed != copy.read_text()


def test_every_guard_is_told_about() -> None:
    """The table for people names the same guards and the same tests."""
    table = (ROOT / "tests" / "chaos" / "README.md").read_text()
    for guard in GUARDS:
        assert f"| {guard.name} |" in table
        assert guard.test.partition("::")[2] in table

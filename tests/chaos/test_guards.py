"""The list of guards is correct: each guard is in the source once, and its test exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.guards import GUARDS, ROOT, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_guard_exists_and_has_a_test(guard: Guard) -> None:
    """`./local/chaos --guards` shows that the test fails without the guard, which takes minutes."""
    assert guard.wrong() == []


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_the_source_is_valid_without_a_guard(guard: Guard, tmp_path: Path) -> None:
    """A syntax error would fail every test, and prove nothing."""
    copy = tmp_path / guard.file
    copy.parent.mkdir(parents=True)
    copy.write_text((ROOT / guard.file).read_text())
    with guard.removed(tmp_path):
        changed = copy.read_text()
    compile(changed, guard.file, "exec")
    assert changed != copy.read_text()


def test_every_guard_is_in_the_readme() -> None:
    """The table in the README names the same guards and tests."""
    table = (ROOT / "tests" / "chaos" / "README.md").read_text()
    for guard in GUARDS:
        assert f"| {guard.name} |" in table
        assert guard.test.partition("::")[2] in table

"""A process kills itself with SIGKILL at a step of its work, for every step: the system goes on, and nothing is lost.

Who dies is the process that does the work, as by the kernel's out-of-memory killer: its temporary files, its programs
and its leases stay behind, for others to notice. A machine that dies takes the first two along, so that is less.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos import crash_sources
from tests.chaos.checker import check
from tests.chaos.crash_cases import CASES
from tests.chaos.crash_ground import Ground
from tests.chaos.crash_ground import ground as new_ground

# Who waits in vain for one that is dead; sweep and the operator's command hold no lease.
HOLDERS = ("upload", "convert", "notify")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with new_ground(tmp_path_factory.mktemp("crashes") / "armed", tmp_path_factory.mktemp("videos")) as made:
        yield made


def test_no_step_is_forgotten() -> None:
    """Each step that the sources mark is one at which somebody dies below, in every function that has the row."""
    assert {step.partition(":")[2] for step in CASES} == crash_sources.marked()
    assert crash_sources.rows() - CASES.keys() == set()


def test_a_step_that_is_added_is_found() -> None:
    """However it is named; a name that is put together from something new must be explained to VALUES."""
    added = 'crash.point("news.between")\nwith crash.around(f"{bucket}.news"):\n    pass'
    sides = {f"{bucket}.news.{side}" for bucket in ("videos", "mp3s") for side in ("before", "after")}
    assert set(crash_sources.marked_in(added)) == {"news.between", *sides}
    with pytest.raises(KeyError, match="something_new"):
        list(crash_sources.marked_in("crash.point(something_new)"))


@pytest.mark.parametrize("step", CASES)
def test_a_crash(step: str, ground: Ground) -> None:
    case = CASES[step]
    case.cause(ground, step, name := f"{step.replace(':', '-')}.mp4")
    assert not ground.armed(step), "nobody died"
    if step.startswith(HOLDERS):
        ground.time_passes(name)
    ground.await_fate(name, case.fate)
    ground.await_order()


def test_nothing_was_lost_and_nothing_came_twice(ground: Ground) -> None:
    """All the jobs of this file together."""
    ground.arena.settle()
    report = check(ground.arena, ground.acknowledged, ground.uploaded, ground.deleted)
    print(report.text())
    assert not report.problems, report.text()


def test_no_step_was_passed_unknown(ground: Ground) -> None:
    """Each step that any function passed on the way is one at which it died."""
    assert ground.passed() - CASES.keys() == set()

"""A process kills itself with SIGKILL at a step, for every step: the system continues, and nothing is lost.

Only one process dies, as if killed by the kernel's out-of-memory killer: its temporary files, child processes and
leases remain, for others to clean up. A machine that crashes leaves only the leases, so that case is easier.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos import crash_sources
from tests.chaos.checker import check
from tests.chaos.crash_cases import CASES
from tests.chaos.crash_harness import Harness, start_harness
from tests.clients.waiting import until

# These functions hold leases; sweep and the operator's command do not.
LEASE_HOLDERS = ("upload", "convert", "notify")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with start_harness(tmp_path_factory.mktemp("crashes") / "armed", tmp_path_factory.mktemp("videos")) as made:
        yield made


def test_every_step_has_a_case() -> None:
    """Every step marked in the sources is in CASES, for every function that executes it."""
    assert {step.partition(":")[2] for step in CASES} == crash_sources.marked()
    assert crash_sources.rows() - CASES.keys() == set()


def test_a_new_step_is_found() -> None:
    """Also with a formatted name; a name formatted from an unknown expression raises an error."""
    added = 'crash.point("news.between")\nwith crash.around(f"{bucket}.news"):\n    pass'
    sides = {f"{bucket}.news.{side}" for bucket in ("videos", "mp3s") for side in ("before", "after")}
    assert set(crash_sources.marked_in(added)) == {"news.between", *sides}
    with pytest.raises(KeyError, match="something_new"):
        list(crash_sources.marked_in("crash.point(something_new)"))


@pytest.mark.parametrize("step", CASES)
def test_a_crash(step: str, harness: Harness) -> None:
    case = CASES[step]
    case.cause(harness, step, name := f"{step.replace(':', '-')}.mp4")
    assert not harness.armed(step), "no process crashed"
    if step.startswith(LEASE_HOLDERS):
        harness.let_time_pass(name)
    harness.await_outcome(name, case.outcome)
    harness.await_clean()


def test_nothing_was_lost_or_duplicated(harness: Harness) -> None:
    """Check all jobs of this file."""
    harness.system.settle()
    report = check(harness.system, harness.acknowledged, harness.uploaded, harness.deleted)
    assert report.declined_mails == 1, "of the one owner who wanted none for a while"
    print(report.text())
    assert not report.problems, report.text()


def test_the_counts_are_right_after_all_crashes(harness: Harness) -> None:
    """Sweep counts the jobs anew; what each crash left is gone."""
    database = harness.system.inspector.database
    then = datetime.now(UTC) - timedelta(days=2)
    database["usage"].update_many({}, {"$set": {"counted_at": then}, "$inc": {"revision": 1}})
    until(lambda: not database["usage"].find_one({"counted_at": {"$lte": then}}), "the users to be counted")
    kept = 0
    for job in database.jobs.find({"state": {"$in": ["done", "failed"]}}):
        mp3 = job.get("mp3", {})
        kept += 0 if job.get("video_expired_at") else job["size"]
        kept += 0 if mp3.get("expired_at") else mp3.get("length", 0)
    [counts] = database["usage"].find()
    assert (counts["open"], counts["bytes"], counts["pending"]) == (0, kept, {})


def test_every_passed_step_has_a_case(harness: Harness) -> None:
    """Every step that a function passed is in CASES."""
    assert harness.passed() - CASES.keys() == set()

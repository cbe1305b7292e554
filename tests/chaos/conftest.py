"""One system for all fault tests, without faults before each of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from tests.chaos.checker import LEFT_SECONDS, check
from tests.chaos.leftovers import quick_leftovers
from tests.chaos.system import ProxiedSystem, start_system
from tests.clients.waiting import until_gone
from tests.media.videos import tone_video

AssertSettled = Callable[[Collection[str]], None]


@pytest.fixture(scope="package")
def shared_system() -> Iterator[ProxiedSystem]:
    """A system with a proxy before each backend; it ends with this folder, because even an idle one needs time."""
    with start_system() as system:
        yield system


@pytest.fixture
def system(shared_system: ProxiedSystem) -> Iterator[ProxiedSystem]:
    """The shared system, with all earlier faults ended."""
    shared_system.recover()
    yield shared_system
    shared_system.recover()


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a session's videos."""
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="session")
def video(videos: Path) -> Path:
    """One second of 440 Hz."""
    return tone_video(videos, seconds=1.0)


@pytest.fixture(scope="module")
def acknowledged(shared_system: ProxiedSystem) -> Iterator[set[str]]:
    """The acknowledged uploads of a test file; at its end, the checker counts everything."""
    fids: set[str] = set()
    yield fids
    shared_system.settle()
    report = check(shared_system, fids, len(fids))
    assert not report.problems, report.text()


@pytest.fixture
def assert_settled(system: ProxiedSystem, acknowledged: set[str]) -> AssertSettled:
    """A check that uploads have ended and nothing is left over; the checker runs at the end of the file."""

    def assert_all_settled(fids: Collection[str]) -> None:
        acknowledged.update(fids)
        system.settle()
        assert {system.inspector.job(fid)["state"] for fid in fids} <= {"done", "failed"}
        until_gone(lambda: quick_leftovers(system), "leftovers", LEFT_SECONDS)

    return assert_all_settled

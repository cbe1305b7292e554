"""One arena for all tests of faults, calm before each of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from tests.chaos.arena import Arena
from tests.chaos.arena import arena as new_arena
from tests.chaos.checker import LEFT_SECONDS, check
from tests.chaos.leftovers import lying_about
from tests.clients.waiting import until_gone
from tests.media.videos import tone_video

Whole = Callable[[Collection[str]], None]


@pytest.fixture(scope="session")
def session_arena() -> Iterator[Arena]:
    """A system with a proxy before each backend."""
    with new_arena() as system:
        yield system


@pytest.fixture
def arena(session_arena: Arena) -> Iterator[Arena]:
    """The session's system, every fault of the test before it ended."""
    session_arena.calm()
    yield session_arena
    session_arena.calm()


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where a session keeps the videos it has made."""
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="session")
def video(videos: Path) -> Path:
    """One second of 440 Hz."""
    return tone_video(videos, seconds=1.0)


@pytest.fixture(scope="module")
def acknowledged(session_arena: Arena) -> Iterator[set[str]]:
    """The uploads that a file of tests was promised; in the end, all that the system holds is counted."""
    fids: set[str] = set()
    yield fids
    session_arena.settle()
    report = check(session_arena, fids, len(fids))
    assert not report.problems, report.text()


@pytest.fixture
def whole(arena: Arena, acknowledged: set[str]) -> Whole:
    """A check that, once all is calm, uploads have ended and nothing is left over; the rest is counted at the end."""

    def assert_whole(fids: Collection[str]) -> None:
        acknowledged.update(fids)
        arena.settle()
        assert {arena.inspector.job(fid)["state"] for fid in fids} <= {"done", "failed"}
        until_gone(lambda: lying_about(arena), "what is left of all work", LEFT_SECONDS)

    return assert_whole

"""A conversion whose container is stopped or lacks memory is still done, or fails: it is never stuck."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until, until_gone
from tests.containers import given
from tests.containers.system import ContainedStack
from tests.e2e.leftovers import encoders, leftovers
from tests.media.another import another_file
from tests.media.large import long_video
from tests.media.tone import assert_tone

pytestmark = pytest.mark.platforms

SECONDS = 500  # its conversion takes some five seconds
ENDED_SECONDS = 180
SQUEEZED = 64 * 2**20  # convert starts in 56 MB; a conversion is killed at 80, and fits in 96


@pytest.fixture(scope="module")
def token(contained: ContainedStack) -> str:
    """A token."""
    return web.login(f"{contained.gateway}/login", contained.user.email, contained.user.password)


@pytest.fixture(scope="module")
def inspector(contained: ContainedStack) -> Iterator[Inspector]:
    """The database."""
    found = Inspector.of(contained.mongodb_url, contained.mongodb_database)
    yield found
    found.close()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose conversion takes a while."""
    return long_video(tmp_path_factory.mktemp("videos"), SECONDS)


def uploaded(contained: ContainedStack, token: str, video: Path) -> str:
    """Upload a video like this; return its job's id."""
    return web.uploaded(f"{contained.gateway}/upload", token, another_file(video))


def assert_whole(contained: ContainedStack, token: str, fid: str) -> None:
    """Check that the MP3 has all of the sound."""
    assert_tone(web.download(f"{contained.gateway}/download", token, fid).body, 440, SECONDS)


def test_sigterm(contained: ContainedStack, inspector: Inspector, token: str, video: Path) -> None:
    said = given.said("convert")
    # The grace period of the manifest, for podman and for gunicorn.
    contained.restart_with("convert", GRACEFUL_TIMEOUT_SECONDS=said.environment["GRACEFUL_TIMEOUT_SECONDS"])
    fid = uploaded(contained, token, video)
    until(lambda: inspector.job(fid)["state"] == "converting" and encoders(contained), "the conversion to begin")
    first = contained.container_id("convert")
    assert first

    assert contained.terminate("convert", said.grace_seconds) == 0

    job = inspector.done(fid, ENDED_SECONDS)
    assert job["attempts"] == 1, "a job that was handed back counts no attempt"
    # The old one may have finished the job within its grace, before the new one exists.
    until(lambda: contained.container_id("convert") not in ("", first), "a new container")
    assert_whole(contained, token, fid)
    until_gone(lambda: leftovers(contained, inspector), "all that has ended")


def test_too_little_memory_for_a_while(
    contained: ContainedStack, inspector: Inspector, token: str, video: Path
) -> None:
    contained.restart_with("convert", memory_bytes=SQUEEZED)
    before = contained.killed_for_memory("convert")
    fid = uploaded(contained, token, video)
    until(lambda: contained.killed_for_memory("convert") > before, "the kernel to kill for want of memory")
    contained.restart_with("convert")

    inspector.done(fid, ENDED_SECONDS)
    assert_whole(contained, token, fid)
    until_gone(lambda: leftovers(contained, inspector), "all that has ended")


def test_too_little_memory_for_long(contained: ContainedStack, inspector: Inspector, token: str, video: Path) -> None:
    contained.restart_with("convert", memory_bytes=SQUEEZED)
    try:
        before = contained.killed_for_memory("convert")
        fid = uploaded(contained, token, video)
        until(lambda: contained.killed_for_memory("convert") > before, "the kernel to kill for want of memory")
        job = inspector.ended(fid, ENDED_SECONDS)
    finally:
        contained.restart_with("convert")

    assert (job["state"], job["error"]["code"]) == ("failed", "gave_up")
    Mailbox(contained.mailbox).about(fid, contained.user.email)
    until_gone(lambda: leftovers(contained, inspector), "all that has ended")

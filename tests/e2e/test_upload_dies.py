"""Upload: a client that dies leaves nothing visible behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import dying, web
from tests.clients.database import Inspector
from tests.clients.waiting import until, until_gone
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.large import large_video

# At 60 % several batches of 4 MB are already in the database.
MEGABYTES = 24


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("make", [dying.multipart_body, dying.raw_body, dying.chunked_body])
@pytest.mark.parametrize("through", ["gateway", "own port"])
def test_a_client_that_disconnects_at_60_percent_leaves_nothing(
    through: str,
    make: Callable[[bytes, str], dying.Body],
    reset: bool,
    stack: PrivateStack,
    owner: Person,
    videos: Path,
    filename: str,
    inspector: Inspector,
) -> None:
    target = f"{stack.gateway}/upload" if through == "gateway" else stack.functions["upload"]
    before = inspector.stored("videos")
    content = large_video(videos, MEGABYTES).read_bytes()

    dying.die(target, owner.token, make, content, filename, reset=reset)

    until(lambda: inspector.jobs_named(filename), "the upload to have begun")
    until(lambda: all(job["state"] == "aborted" for job in inspector.jobs_named(filename)), "the upload to be aborted")
    until_gone(lambda: inspector.orphans("videos"), "its chunks")
    assert inspector.stored("videos") == before


def test_the_next_upload_of_the_same_video_is_accepted(
    url: Urls, owner: Person, videos: Path, filename: str, inspector: Inspector
) -> None:
    video = large_video(videos, MEGABYTES)
    dying.die(url("upload"), owner.token, dying.raw_body, video.read_bytes(), filename, reset=True)
    fid = web.uploaded(url("upload"), owner.token, video, filename)
    inspector.done(fid)

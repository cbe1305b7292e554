"""Convert is killed or told to stop during a conversion: the video is still converted, once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.clients import processes, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import stays, until, until_gone
from tests.e2e.conftest import Person, Urls
from tests.e2e.leftovers import convert_port, encoders, temporary_files
from tests.local.private import PrivateStack
from tests.media.large import long_video
from tests.media.tone import assert_tone

# Its conversion takes some two seconds.
SECONDS = 300
AGAIN_SECONDS = 120
WATCH_SECONDS = 3.0


@pytest.fixture
def converting(stack: PrivateStack, url: Urls, owner: Person, videos: Path, inspector: Inspector) -> str:
    """A job in the middle of its conversion."""
    fid = web.uploaded(url("upload"), owner.token, long_video(videos, SECONDS))
    until(lambda: inspector.job(fid)["state"] == "converting", "the conversion to begin")
    until(lambda: encoders(stack), "ffmpeg to run")
    return fid


def assert_done_once(
    fid: str, stack: PrivateStack, url: Urls, owner: Person, inspector: Inspector, mailbox: Mailbox
) -> dict[str, Any]:
    """Check that the job ends with one whole MP3, one mail, and nothing else."""
    job = inspector.done(fid, AGAIN_SECONDS)
    assert_tone(web.download(url("download"), owner.token, fid).body, 440, SECONDS)
    mailbox.about(fid, owner.email)
    own = job["mp3"]["file_id"]
    until(lambda: inspector.files("mp3s", fid) == [own], "other attempts' files to go")
    until(lambda: inspector.chunks("mp3s", fid) == inspector.chunks_named("mp3s", own), "their chunks to go")
    stays(lambda: mailbox.count(fid, owner.email) == 1, "a second mail came", WATCH_SECONDS)
    until_gone(lambda: encoders(stack) or temporary_files(stack), "ffmpeg and its files")
    return job


def test_killed(
    converting: str, stack: PrivateStack, url: Urls, owner: Person, inspector: Inspector, mailbox: Mailbox
) -> None:
    running = encoders(stack)
    for pid in processes.listeners(convert_port(stack)):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(processes.command(pid) for pid in running), "ffmpeg to die with its parent", 5)

    job = assert_done_once(converting, stack, url, owner, inspector, mailbox)
    assert job["attempts"] == 2
    assert job["epoch"] > 1


def test_sigterm(
    converting: str, stack: PrivateStack, url: Urls, owner: Person, inspector: Inspector, mailbox: Mailbox
) -> None:
    stack.stop("convert")
    try:
        job = inspector.job(converting)
        assert (job["state"], job["attempts"], job.get("lease")) == ("ready", 0, None)
        assert not encoders(stack)
        assert inspector.chunks("mp3s", converting) == 0
    finally:
        stack.start("convert")

    assert assert_done_once(converting, stack, url, owner, inspector, mailbox)["attempts"] == 1

"""A converter that was given up comes back to life: what it still writes changes nothing about the other one's MP3."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import requests
from tests.chaos.arena import Arena
from tests.chaos.conftest import Whole
from tests.chaos.twin import twin
from tests.clients import events, web
from tests.clients.waiting import until
from tests.e2e.leftovers import encoders
from tests.media.large import long_video
from tests.media.tone import assert_tone

# Its conversion takes a second or two.
SECONDS = 200
# Claimed by the first, taken from it, claimed by the second.
EPOCH = 3


@pytest.fixture
def second(arena: Arena, tmp_path: Path) -> Iterator[str]:
    """The URL of a second converter."""
    with twin(arena.stack, "convert", tmp_path) as url:
        yield url


def converted_by(second: str, fid: str, arena: Arena) -> dict[str, Any]:
    """Wait until the lease of the first converter is over, and let the second one have the job.

    What is still on its way from the first arrives while the second one works.
    """
    until(lambda: arena.inspector.job(fid)["state"] == "ready", "the lease to end")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(events.structured, second, fid)
        until(lambda: arena.inspector.job(fid)["state"] == "converting", "the second converter to begin")
        arena.proxies["mongodb"].heal()
        assert answer.result().status == 200
    job = arena.inspector.done(fid)
    assert (job["epoch"], job["attempts"], job["mp3"]["file_id"]) == (EPOCH, 2, f"{fid}.{EPOCH}")
    return job


def test_stopped_in_the_middle(second: str, arena: Arena, videos: Path, whole: Whole) -> None:
    lost = arena.stack.log("convert").count("lost the lease")
    fid = arena.upload(long_video(videos, SECONDS))
    until(lambda: encoders(arena.stack), "ffmpeg to run")
    arena.stack.signal("convert", signal.SIGSTOP)
    job = converted_by(second, fid, arena)

    arena.stack.signal("convert", signal.SIGCONT)
    until(lambda: arena.stack.log("convert").count("lost the lease") > lost, "the first converter to find out")
    whole([fid])
    assert arena.inspector.job(fid)["mp3"] == job["mp3"]
    assert_tone(web.download(arena.url("download"), arena.owner.token, fid).body, 440, SECONDS)


def test_stopped_while_its_last_word_is_on_its_way(second: str, arena: Arena, videos: Path, whole: Whole) -> None:
    """The change to `done` is sent in time and arrives when somebody else has the job."""
    proxy = arena.proxies["mongodb"]
    before = proxy.strikes
    proxy.hold(requests.FINISH)
    fid = arena.upload(long_video(videos, SECONDS))
    until(lambda: proxy.strikes > before, "the first converter's last word")
    arena.stack.signal("convert", signal.SIGSTOP)
    assert arena.inspector.files("mp3s", fid) == [f"{fid}.1"]
    job = converted_by(second, fid, arena)

    arena.stack.signal("convert", signal.SIGCONT)
    whole([fid])
    assert arena.inspector.job(fid)["mp3"] == job["mp3"]
    assert arena.inspector.files("mp3s", fid) == [f"{fid}.{EPOCH}"]

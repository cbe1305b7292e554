"""A converter continues after its lease has expired: what it writes does not change its successor's MP3."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import requests
from tests.chaos.conftest import AssertSettled
from tests.chaos.second_process import second_process
from tests.chaos.system import ProxiedSystem
from tests.clients import events, web
from tests.clients.waiting import until
from tests.e2e.leftovers import encoders
from tests.media.large import long_video
from tests.media.tone import assert_tone

# Its conversion takes a second or two.
SECONDS = 200
# Claimed by the first, expired, claimed by the second.
EPOCH = 3


@pytest.fixture
def second(system: ProxiedSystem, tmp_path: Path) -> Iterator[str]:
    """The URL of a second converter."""
    with second_process(system.stack, "convert", tmp_path) as url:
        yield url


def convert_again(second: str, fid: str, system: ProxiedSystem) -> dict[str, Any]:
    """Wait until the first converter's lease is over, and let the second one convert the job.

    Anything in transit from the first converter arrives while the second one works.
    """
    until(lambda: system.inspector.job(fid)["state"] == "ready", "the lease to end")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(events.structured, second, system.stack.event_token, fid)
        until(lambda: system.inspector.job(fid)["state"] == "converting", "the second converter to begin")
        system.proxies["mongodb"].heal()
        assert answer.result().status == 200
    job = system.inspector.done(fid)
    assert (job["epoch"], job["attempts"], job["mp3"]["file_id"]) == (EPOCH, 2, f"{fid}.{EPOCH}")
    return job


def test_stopped_during_a_conversion(
    second: str, system: ProxiedSystem, videos: Path, assert_settled: AssertSettled
) -> None:
    lost = system.stack.log("convert").count("lost the lease")
    fid = system.upload(long_video(videos, SECONDS))
    until(lambda: encoders(system.stack), "ffmpeg to run")
    system.stack.signal("convert", signal.SIGSTOP)
    job = convert_again(second, fid, system)

    system.stack.signal("convert", signal.SIGCONT)
    until(lambda: system.stack.log("convert").count("lost the lease") > lost, "the first converter to notice")
    assert_settled([fid])
    assert system.inspector.job(fid)["mp3"] == job["mp3"]
    assert_tone(web.download(system.url("download"), system.owner.token, fid).body, 440, SECONDS)


def test_stopped_while_its_change_to_done_is_in_transit(
    second: str, system: ProxiedSystem, videos: Path, assert_settled: AssertSettled
) -> None:
    """The change to `done` is sent in time, but arrives after the second converter has claimed the job."""
    proxy = system.proxies["mongodb"]
    before = proxy.fault_count
    proxy.hold(requests.FINISH)
    fid = system.upload(long_video(videos, SECONDS))
    until(lambda: proxy.fault_count > before, "the first converter's change to done")
    system.stack.signal("convert", signal.SIGSTOP)
    assert system.inspector.files("mp3s", fid) == [f"{fid}.1"]
    job = convert_again(second, fid, system)

    system.stack.signal("convert", signal.SIGCONT)
    assert_settled([fid])
    assert system.inspector.job(fid)["mp3"] == job["mp3"]
    assert system.inspector.files("mp3s", fid) == [f"{fid}.{EPOCH}"]

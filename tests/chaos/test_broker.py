"""RabbitMQ goes away in every way it can: uploads are taken all the same, and each becomes one MP3 and one mail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from local.backends.rabbitmq import CONSUMER_TIMEOUT_MILLISECONDS
from tests.chaos import requests
from tests.chaos.arena import Arena
from tests.chaos.conftest import Whole
from tests.clients.waiting import until
from tests.local.vhosts import rabbitmqctl

PUBLISH_SECONDS = 5.0
AGAIN_SECONDS = 60.0
WATERMARK = "0.4"  # RabbitMQ's default
TICK_MILLISECONDS = 60_000  # the same
COMPLAINT = "lost the channel"
UNANNOUNCED = "not announced"
PATIENCE = "application:set_env(rabbit, consumer_timeout, {}), application:set_env(rabbit, channel_tick_interval, {})."


def assert_all_mailed(arena: Arena, fids: list[str]) -> None:
    """Each upload must have become an MP3 and a mail that was taken."""
    ends = [(job["state"], job["mail"]["state"]) for job in map(arena.inspector.job, fids)]
    assert ends == [("done", "sent")] * len(fids)


def await_done(calls: list[Future[str]], count: int) -> None:
    """Wait until so many of these calls have ended."""
    until(lambda: sum(call.done() for call in calls) >= count, f"{count} calls to end")


def test_twenty_uploads_while_it_is_down(arena: Arena, video: Path, whole: Whole) -> None:
    arena.stack.stop("rabbitmq")
    with ThreadPoolExecutor(4) as pool:
        fids = list(pool.map(lambda number: arena.upload(video, f"down {number}.mp4"), range(20)))
    assert {arena.inspector.job(fid)["state"] for fid in fids} == {"ready"}
    arena.stack.start("rabbitmq")
    whole(fids)
    assert_all_mailed(arena, fids)


def test_killed_under_load(arena: Arena, video: Path, whole: Whole) -> None:
    with ThreadPoolExecutor(3) as pool:
        uploads = [pool.submit(arena.upload, video, f"killed {number}.mp4") for number in range(18)]
        for count in (3, 12):
            await_done(uploads, count)
            until(arena.inspector.unended, "work to do")
            arena.stack.kill("rabbitmq")
            arena.stack.await_healthy("rabbitmq")
        fids = [upload.result() for upload in uploads]
    whole(fids)
    assert_all_mailed(arena, fids)


def test_a_connection_that_died_while_it_was_idle(arena: Arena, video: Path, whole: Whole) -> None:
    proxy = arena.proxies["rabbitmq"]
    proxy.forget()
    before = proxy.strikes
    fid = arena.upload(video)
    until(lambda: proxy.strikes > before, "the broker's message to vanish")
    # Nobody mends the network: both sides must miss each other's heartbeats.
    arena.inspector.done(fid, AGAIN_SECONDS)
    whole([fid])
    assert_all_mailed(arena, [fid])


@contextmanager
def out_of_memory(arena: Arena) -> Iterator[None]:
    """Let the broker take no message from anybody."""
    rabbitmqctl(arena.stack.home, "set_vm_memory_high_watermark", "0")
    try:
        yield
    finally:
        rabbitmqctl(arena.stack.home, "set_vm_memory_high_watermark", WATERMARK)


def gave_up(arena: Arena, fid: str) -> bool:
    """Tell whether upload has said that it could not announce a job."""
    return any(UNANNOUNCED in line and fid in line for line in arena.stack.log("upload").splitlines())


def test_out_of_memory(arena: Arena, video: Path, whole: Whole) -> None:
    with out_of_memory(arena):
        began = time.monotonic()
        fid = arena.upload(video)
        assert time.monotonic() - began < PUBLISH_SECONDS, "nobody waits for the broker"
        until(lambda: gave_up(arena, fid), "the publish to be given up", 2 * PUBLISH_SECONDS)
        assert time.monotonic() - began >= PUBLISH_SECONDS, "a publish gives up after its time, and not before"
        assert arena.inspector.job(fid)["state"] == "ready"
    whole([fid])
    assert_all_mailed(arena, [fid])


def test_the_answer_to_a_publish_is_lost(arena: Arena, video: Path, whole: Whole) -> None:
    proxy = arena.proxies["rabbitmq"]
    before = proxy.strikes
    proxy.drop_answer(to=b"com.mp3converter.video.uploaded")
    fid = arena.upload(video)
    until(lambda: proxy.strikes == before + 1, "the confirm to be lost")
    whole([fid])
    assert_all_mailed(arena, [fid])


@contextmanager
def patience(arena: Arena, milliseconds: int, tick: int) -> Iterator[None]:
    """Let the broker wait no longer for a consumer, and look so often; the connector's next channel is told so."""
    rabbitmqctl(arena.stack.home, "eval", PATIENCE.format(milliseconds, tick))
    arena.proxies["rabbitmq"].cut()
    try:
        yield
    finally:
        rabbitmqctl(arena.stack.home, "eval", PATIENCE.format(CONSUMER_TIMEOUT_MILLISECONDS, TICK_MILLISECONDS))
        arena.proxies["rabbitmq"].cut()


def test_a_conversion_longer_than_the_broker_waits(arena: Arena, video: Path, whole: Whole) -> None:
    complaints = arena.stack.log("connector").count(COMPLAINT)
    with patience(arena, milliseconds=1000, tick=250):
        arena.proxies["mongodb"].hold(requests.FINISH)
        fid = arena.upload(video)
        until(lambda: arena.stack.log("connector").count(COMPLAINT) > complaints, "the broker to lose its patience")
        assert arena.inspector.job(fid)["state"] == "converting"
        arena.proxies["mongodb"].heal()
        arena.inspector.done(fid)
    whole([fid])
    assert_all_mailed(arena, [fid])
    assert arena.inspector.job(fid)["attempts"] == 1

"""RabbitMQ fails in many ways: uploads are still accepted, and each becomes one MP3 and one mail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from local.backends.rabbitmq import CONSUMER_TIMEOUT_MILLISECONDS
from tests.chaos import requests
from tests.chaos.conftest import AssertSettled
from tests.chaos.system import ProxiedSystem
from tests.clients.waiting import until
from tests.local.vhosts import rabbitmqctl

PUBLISH_SECONDS = 5.0
AGAIN_SECONDS = 60.0
WATERMARK = "0.4"  # RabbitMQ's default
TICK_MILLISECONDS = 60_000  # the same
CHANNEL_LOST = "lost the channel"
UNANNOUNCED = "not announced"
TIMEOUT_EXPRESSION = (
    "application:set_env(rabbit, consumer_timeout, {}), application:set_env(rabbit, channel_tick_interval, {})."
)


def assert_all_mailed(system: ProxiedSystem, fids: list[str]) -> None:
    """Each upload must have become an MP3 and a sent mail."""
    ends = [(job["state"], job["mail"]["state"]) for job in map(system.inspector.job, fids)]
    assert ends == [("done", "sent")] * len(fids)


def await_done(calls: list[Future[str]], count: int) -> None:
    """Wait until this many calls have ended."""
    until(lambda: sum(call.done() for call in calls) >= count, f"{count} calls to end")


def test_twenty_uploads_while_the_broker_is_down(
    system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    system.stack.stop("rabbitmq")
    with ThreadPoolExecutor(4) as pool:
        fids = list(pool.map(lambda number: system.upload(video, f"down {number}.mp4"), range(20)))
    assert {system.inspector.job(fid)["state"] for fid in fids} == {"ready"}
    system.stack.start("rabbitmq")
    assert_settled(fids)
    assert_all_mailed(system, fids)


def test_the_broker_is_killed_under_load(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    with ThreadPoolExecutor(3) as pool:
        uploads = [pool.submit(system.upload, video, f"killed {number}.mp4") for number in range(18)]
        for count in (3, 12):
            await_done(uploads, count)
            until(system.inspector.unended, "work to do")
            system.stack.kill("rabbitmq")
            system.stack.await_healthy("rabbitmq")
        fids = [upload.result() for upload in uploads]
    assert_settled(fids)
    assert_all_mailed(system, fids)


def test_a_connection_that_was_lost_while_idle(
    system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    proxy = system.proxies["rabbitmq"]
    proxy.forget()
    before = proxy.fault_count
    fid = system.upload(video)
    until(lambda: proxy.fault_count > before, "the broker's message to be dropped")
    # The network is not healed: both sides must notice missing heartbeats.
    system.inspector.done(fid, AGAIN_SECONDS)
    assert_settled([fid])
    assert_all_mailed(system, [fid])


@contextmanager
def out_of_memory(system: ProxiedSystem) -> Iterator[None]:
    """Make the broker block all publishers."""
    rabbitmqctl(system.stack.home, "set_vm_memory_high_watermark", "0")
    try:
        yield
    finally:
        rabbitmqctl(system.stack.home, "set_vm_memory_high_watermark", WATERMARK)


def gave_up(system: ProxiedSystem, fid: str) -> bool:
    """Tell whether upload has logged that it could not announce a job."""
    return any(UNANNOUNCED in line and fid in line for line in system.stack.log("upload").splitlines())


def test_the_broker_is_out_of_memory(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    with out_of_memory(system):
        began = time.monotonic()
        fid = system.upload(video)
        assert time.monotonic() - began < PUBLISH_SECONDS, "the response must not wait for the broker"
        until(lambda: gave_up(system, fid), "the publish to be given up", 2 * PUBLISH_SECONDS)
        assert time.monotonic() - began >= PUBLISH_SECONDS, "publishing must not give up early"
        assert system.inspector.job(fid)["state"] == "ready"
    assert_settled([fid])
    assert_all_mailed(system, [fid])


def test_a_confirm_is_lost(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    proxy = system.proxies["rabbitmq"]
    before = proxy.fault_count
    proxy.drop_answer(to=b"com.mp3converter.video.uploaded")
    fid = system.upload(video)
    until(lambda: proxy.fault_count == before + 1, "the confirm to be lost")
    assert_settled([fid])
    assert_all_mailed(system, [fid])


@contextmanager
def consumer_timeout(system: ProxiedSystem, milliseconds: int, tick: int) -> Iterator[None]:
    """Shorten the consumer time-out and the interval of its check; reconnect the connector to apply both."""
    rabbitmqctl(system.stack.home, "eval", TIMEOUT_EXPRESSION.format(milliseconds, tick))
    system.proxies["rabbitmq"].cut()
    try:
        yield
    finally:
        rabbitmqctl(
            system.stack.home, "eval", TIMEOUT_EXPRESSION.format(CONSUMER_TIMEOUT_MILLISECONDS, TICK_MILLISECONDS)
        )
        system.proxies["rabbitmq"].cut()


def test_a_conversion_longer_than_the_consumer_timeout(
    system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    before = system.stack.log("connector").count(CHANNEL_LOST)
    with consumer_timeout(system, milliseconds=1000, tick=250):
        system.proxies["mongodb"].hold(requests.FINISH)
        fid = system.upload(video)
        until(lambda: system.stack.log("connector").count(CHANNEL_LOST) > before, "the consumer time-out")
        assert system.inspector.job(fid)["state"] == "converting"
        system.proxies["mongodb"].heal()
        system.inspector.done(fid)
    assert_settled([fid])
    assert_all_mailed(system, [fid])
    assert system.inspector.job(fid)["attempts"] == 1

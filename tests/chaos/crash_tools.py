"""Tools for causing crashes: a video, held requests, a relay that rejects recipients, a port check."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.chaos import requests
from tests.chaos.crash_harness import Harness
from tests.chaos.relay import relay
from tests.clients.waiting import until
from tests.media.another import another_file
from tests.media.videos import tone_video


def video(harness: Harness) -> Path:
    """Return a video that converts quickly, another one each time."""
    return another_file(tone_video(harness.videos, seconds=1.0))


@contextmanager
def held(harness: Harness, mark: bytes) -> Iterator[Callable[[], None]]:
    """Hold the next request of this kind to MongoDB; yield a function that waits for it."""
    proxy = harness.system.proxies["mongodb"]
    before = proxy.fault_count

    def await_held() -> None:
        until(lambda: proxy.fault_count > before, "a request to hold")

    proxy.hold(mark)
    try:
        yield await_held
    finally:
        proxy.heal()


@contextmanager
def at_claim(harness: Harness, name: str) -> Iterator[str]:
    """Yield the id of a job that a converter is about to claim."""
    with held(harness, requests.CLAIM) as await_held:
        harness.send(name, video(harness))
        await_held()
        yield str(harness.job(name)["_id"])


@contextmanager
def answering(harness: Harness, *answers: str) -> Iterator[None]:
    """Make the relay answer the next recipients like this, before it accepts all others."""
    proxy = harness.system.proxies["smtp"]
    with relay(answers, harness.system.stack.smtp_url) as (_, address):
        proxy.redirect(address)
        try:
            yield
        finally:
            proxy.heal()


def refuses(url: str) -> bool:
    """Tell whether connections are refused."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it stopped while the connection was queued: the next one is refused
        return False
    return False

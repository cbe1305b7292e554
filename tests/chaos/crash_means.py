"""What crashes are brought about with: a video, requests held on their way, a relay of moods, a look at a port."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.chaos import requests
from tests.chaos.crash_ground import Ground
from tests.chaos.relay import relay
from tests.clients.waiting import until
from tests.media.videos import tone_video


def video(ground: Ground) -> Path:
    """Return a video that is soon converted."""
    return tone_video(ground.videos, seconds=1.0)


@contextmanager
def held(ground: Ground, mark: bytes) -> Iterator[Callable[[], None]]:
    """Keep the next request to MongoDB of this kind on its way; yield what waits until there is one."""
    proxy = ground.arena.proxies["mongodb"]
    before = proxy.strikes

    def await_held() -> None:
        until(lambda: proxy.strikes > before, "a request to hold")

    proxy.hold(mark)
    try:
        yield await_held
    finally:
        proxy.heal()


@contextmanager
def at_claim(ground: Ground, name: str) -> Iterator[str]:
    """Yield the id of a job that a converter is about to claim."""
    with held(ground, requests.CLAIM) as await_held:
        ground.send(name, video(ground))
        await_held()
        yield str(ground.job(name)["_id"])


@contextmanager
def answering(ground: Ground, *answers: str) -> Iterator[None]:
    """Let the relay answer recipients so, one after the other, before it takes all."""
    proxy = ground.arena.proxies["smtp"]
    with relay(answers, ground.arena.stack.smtp_url) as (_, address):
        proxy.redirect(address)
        try:
            yield
        finally:
            proxy.heal()


def refuses(url: str) -> bool:
    """Tell whether nobody listens there any more."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it stopped while we were in its queue: the next one is refused
        return False
    return False

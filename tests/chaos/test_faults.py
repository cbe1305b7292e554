"""Every fault of a network, before every backend in turn: what was acknowledged is kept, the rest leaves nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.arena import Arena
from tests.chaos.conftest import Whole
from tests.chaos.proxy import Proxy
from tests.clients import web
from tests.clients.waiting import PAUSE_SECONDS

Fault = Callable[[Proxy], None]

FAULTS: dict[str, Fault] = {
    "cut": lambda proxy: proxy.cut(),
    "reset": lambda proxy: proxy.reset(),
    "refused": lambda proxy: proxy.refuse(),
    "black hole": lambda proxy: proxy.black_hole(),
    "latency": lambda proxy: proxy.delay(0.4),
    "rate": lambda proxy: proxy.throttle(4000),
    "lost answer": lambda proxy: proxy.drop_answer(),
}
HOLD_SECONDS = 1.5
STRIKE_SECONDS = 30.0
MOST_CALLS = 3


def shake(proxy: Proxy, fault: Fault) -> None:
    """Keep a fault up for a while, and until it has shown; one that is over at once is made again and again."""
    before, began = proxy.strikes, time.monotonic()
    while time.monotonic() - began < HOLD_SECONDS or proxy.strikes == before:
        assert time.monotonic() - began < STRIKE_SECONDS, "nothing came through the proxy that could be hurt"
        fault(proxy)
        time.sleep(PAUSE_SECONDS)
    proxy.heal()


def during(shaking: Future[None], call: Callable[[], web.Answer]) -> list[web.Answer]:
    """Make a few calls while the fault lasts, and at least one; return the answers."""
    answers = [call()]
    while not shaking.done() and len(answers) < MOST_CALLS:
        answers.append(call())
    shaking.result()
    return answers


def in_turn(proxy: Proxy, call: Callable[[str], web.Answer]) -> list[web.Answer]:
    """Make calls under each fault, and one after it; return the answers. A call is given the fault's name."""
    answers: list[web.Answer] = []
    with ThreadPoolExecutor(1) as pool:
        for name, fault in FAULTS.items():
            answers += during(pool.submit(shake, proxy, fault), partial(call, name))
            answers.append(call(f"after {name}"))
    return answers


@pytest.mark.parametrize(("backend", "expected"), [("mongodb", {202, 503}), ("rabbitmq", {202}), ("smtp", {202})])
def test_uploads(backend: str, expected: set[int], arena: Arena, video: Path, whole: Whole) -> None:
    def upload(fault: str) -> web.Answer:
        return web.upload(arena.url("upload"), arena.owner.token, video, f"{backend} {fault}.mp4")

    answers = in_turn(arena.proxies[backend], upload)
    assert {answer.status for answer in answers} <= expected
    whole([answer.json()["id"] for answer in answers if answer.status == 202])


def test_logins(arena: Arena) -> None:
    headers = web.basic(arena.owner.email, arena.owner.password)
    answers = in_turn(arena.proxies["mysql"], lambda fault: web.call("POST", arena.url("login"), headers=headers))
    assert {answer.status for answer in answers} == {200, 503}
    assert answers[-1].status == 200

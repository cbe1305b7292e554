"""Every network fault, before every backend: acknowledged uploads are kept, others leave nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.conftest import AssertSettled
from tests.chaos.proxy import Proxy
from tests.chaos.system import ProxiedSystem
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
EFFECT_SECONDS = 30.0
MAX_CALLS = 3


def hold_fault(proxy: Proxy, fault: Fault) -> None:
    """Keep up a fault for a while, and until it has taken effect; repeat it if it is momentary."""
    before, began = proxy.fault_count, time.monotonic()
    while time.monotonic() - began < HOLD_SECONDS or proxy.fault_count == before:
        assert time.monotonic() - began < EFFECT_SECONDS, "the fault did not take effect"
        fault(proxy)
        time.sleep(PAUSE_SECONDS)
    proxy.heal()


def during(proxy: Proxy, holding: Future[None], call: Callable[[], web.Answer]) -> list[web.Answer]:
    """Make at least one call, and a few more while the fault lasts; return the answers.

    Until it has taken effect there are more: a fault of open connections meets few of those that last milliseconds.
    """
    before, answers = proxy.fault_count, [call()]
    while not holding.done() and (len(answers) < MAX_CALLS or proxy.fault_count == before):
        answers.append(call())
    holding.result()
    return answers


def in_turn(proxy: Proxy, call: Callable[[str], web.Answer]) -> list[web.Answer]:
    """Make calls during and after each fault; return the answers. A call is given the fault's name."""
    answers: list[web.Answer] = []
    with ThreadPoolExecutor(1) as pool:
        for name, fault in FAULTS.items():
            answers += during(proxy, pool.submit(hold_fault, proxy, fault), partial(call, name))
            answers.append(call(f"after {name}"))
    return answers


@pytest.mark.parametrize(("backend", "expected"), [("mongodb", {202, 503}), ("rabbitmq", {202}), ("smtp", {202})])
def test_uploads(
    backend: str, expected: set[int], system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    def upload(fault: str) -> web.Answer:
        return web.upload(system.url("upload"), system.owner.token, video, f"{backend} {fault}.mp4")

    answers = in_turn(system.proxies[backend], upload)
    assert {answer.status for answer in answers} <= expected
    assert_settled([answer.json()["id"] for answer in answers if answer.status == 202])


def test_logins(system: ProxiedSystem) -> None:
    headers = web.basic(system.owner.email, system.owner.password)
    answers = in_turn(system.proxies["mysql"], lambda fault: web.call("POST", system.url("login"), headers=headers))
    assert {answer.status for answer in answers} == {200, 503}
    assert answers[-1].status == 200

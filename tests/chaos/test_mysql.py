"""MariaDB is unavailable: logins are refused, and users with a token are not affected."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.conftest import AssertSettled
from tests.chaos.system import PERIODS, ProxiedSystem
from tests.clients import web

TIMEOUT_SECONDS = int(PERIODS["MYSQL_TIMEOUT_SECONDS"])
# A failed query is retried on a new connection.
REFUSED_SECONDS = 2 * TIMEOUT_SECONDS + 5

Fault = Callable[[ProxiedSystem], None]
FAULTS: dict[str, Fault] = {
    "stopped": lambda system: system.stack.stop("mariadb"),
    "refused": lambda system: system.proxies["mysql"].refuse(),
    "silent": lambda system: system.proxies["mysql"].black_hole(),
}


def login(system: ProxiedSystem) -> web.Answer:
    return web.call("POST", system.url("login"), headers=web.basic(system.owner.email, system.owner.password))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_only_logins_are_refused(
    fault: Fault, system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    fault(system)
    began = time.monotonic()
    answer = login(system)
    assert time.monotonic() - began < REFUSED_SECONDS
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")
    assert not [word for word in ("mysql", "Maria", "Error", "127.0.0.1", "Traceback") if word in answer.text]

    fid = system.upload(video)
    system.inspector.done(fid)
    assert web.download(system.url("download"), system.owner.token, fid).status == 200
    assert_settled([fid])
    assert login(system).status == 200


def test_mariadb_is_killed_and_restarted(system: ProxiedSystem) -> None:
    system.stack.kill("mariadb")
    system.stack.await_healthy("mariadb")
    assert login(system).status == 200


@pytest.mark.parametrize("end", ["cut", "reset"])
def test_connections_that_were_lost_while_idle(end: str, system: ProxiedSystem) -> None:
    assert login(system).status == 200
    assert system.proxies["mysql"].connections
    getattr(system.proxies["mysql"], end)()
    assert login(system).status == 200

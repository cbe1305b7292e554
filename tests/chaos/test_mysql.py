"""MariaDB goes away: nobody can log in, and whoever has a token goes on as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.arena import PERIODS, Arena
from tests.chaos.conftest import Whole
from tests.clients import web

TIMEOUT_SECONDS = int(PERIODS["MYSQL_TIMEOUT_SECONDS"])
# A query that failed is made again on a new connection.
REFUSED_SECONDS = 2 * TIMEOUT_SECONDS + 5

Fault = Callable[[Arena], None]
FAULTS: dict[str, Fault] = {
    "stopped": lambda arena: arena.stack.stop("mariadb"),
    "refused": lambda arena: arena.proxies["mysql"].refuse(),
    "silent": lambda arena: arena.proxies["mysql"].black_hole(),
}


def login(arena: Arena) -> web.Answer:
    return web.call("POST", arena.url("login"), headers=web.basic(arena.owner.email, arena.owner.password))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_logins_are_refused_and_all_else_goes_on(fault: Fault, arena: Arena, video: Path, whole: Whole) -> None:
    fault(arena)
    began = time.monotonic()
    answer = login(arena)
    assert time.monotonic() - began < REFUSED_SECONDS
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")
    assert not [word for word in ("mysql", "Maria", "Error", "127.0.0.1", "Traceback") if word in answer.text]

    fid = arena.upload(video)
    arena.inspector.done(fid)
    assert web.download(arena.url("download"), arena.owner.token, fid).status == 200
    whole([fid])
    assert login(arena).status == 200


def test_killed_and_back(arena: Arena) -> None:
    arena.stack.kill("mariadb")
    arena.stack.await_healthy("mariadb")
    assert login(arena).status == 200


@pytest.mark.parametrize("end", ["cut", "reset"])
def test_connections_that_ended_while_they_were_idle(end: str, arena: Arena) -> None:
    assert login(arena).status == 200
    assert arena.proxies["mysql"].connections
    getattr(arena.proxies["mysql"], end)()
    assert login(arena).status == 200

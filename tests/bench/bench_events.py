"""Streams of events: what 200 listeners cost an instance of jobs, and when they hear; exits with 1 beyond a limit."""

from __future__ import annotations

import json
import random
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import jwt

from functions.backends.jobs import Jobs
from functions.common import ids
from functions.common.config import load
from functions.common.settings import Periods
from tests.bench.comparison import print_table
from tests.bench.counted import Queries, counted
from tests.bench.memory import held
from tests.bench.system import System, started
from tests.bench.targets import Target, print_targets
from tests.clients import web

USERS = 10
OF_A_USER = 20
LISTENERS = USERS * OF_A_USER
COUNTS = (1, 50, LISTENERS)
SETTLE_SECONDS = 3.0  # a listener that begins is told of what was changed before
IDLE_SECONDS = 15.0
ROUNDS = 30
ANSWER_SECONDS = 10.0
MOST_MEGABYTES = 40
MOST_SECONDS = 1.5
MOST_QUERIES = 1.2  # a second


class User:
    """A user with a job that the benchmark changes."""

    def __init__(self, system: System, number: int) -> None:
        user = system.another_user(f"listener-{number}@example.org")
        self.token = web.login(system.functions["login"], user.email, user.password)
        self.id = str(jwt.decode(self.token, options={"verify_signature": False})["sub"])
        self.job_id = ids.new()
        jobs = Jobs(
            system.database["jobs"], lambda: datetime.now(UTC), load(Periods, {"UPLOAD_LEASE_SECONDS": "86400"})
        )
        jobs.receive(self.job_id, owner=self.id, email=user.email, filename="a.mp4", options={}, traceparent=None)


class Listeners:
    """Open streams, and what arrives on each."""

    def __init__(self, url: str, open_ones: ExitStack) -> None:
        self._address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
        self._open_ones = open_ones
        self._selector = open_ones.enter_context(selectors.DefaultSelector())
        self.count = 0

    def add(self, user: User) -> None:
        """Open one more stream, and wait for its beginning."""
        connection = self._open_ones.enter_context(socket.create_connection(self._address, ANSWER_SECONDS))
        head = f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n\r\n"
        connection.sendall(head.encode())
        begun = b""
        while b"retry: " not in begun:
            begun += connection.recv(65_536)
        assert begun.startswith(b"HTTP/1.1 200 "), begun
        self._selector.register(connection, selectors.EVENT_READ, user)
        self.count += 1

    def heard(self, mark: bytes) -> list[float]:
        """Wait until this has arrived on every stream, and return when it did."""
        missing = {key.fileobj for key in self._selector.get_map().values()}
        moments = []
        end = time.monotonic() + ANSWER_SECONDS
        while missing:
            ready = self._selector.select(max(0.0, end - time.monotonic()))
            assert ready, f"{len(missing)} listeners heard nothing"
            for key, _ in ready:
                if mark in key.fileobj.recv(65_536) and key.fileobj in missing:  # type: ignore[union-attr]
                    moments.append(time.monotonic())
                    missing.remove(key.fileobj)
        return moments


def main() -> int:
    """Measure, print, and return 1 when a figure is beyond its limit."""
    rows: list[tuple[str, ...]] = []
    with TemporaryDirectory(prefix="bench-") as folder, started() as system, behind(system, Path(folder)) as queries:
        url = system.functions["jobs"]
        users = [User(system, number) for number in range(USERS)]
        with ExitStack() as warm:  # the first listener pays for what jobs loads once
            Listeners(url, warm).add(users[0])
            time.sleep(SETTLE_SECONDS)
        before = held(url)
        with ExitStack() as open_ones:
            listeners = Listeners(url, open_ones)
            idle = []
            for count in COUNTS:
                while listeners.count < count:
                    listeners.add(users[listeners.count % USERS])
                time.sleep(SETTLE_SECONDS)
                start, began = queries.count, time.monotonic()
                time.sleep(IDLE_SECONDS)
                idle.append((queries.count - start) / (time.monotonic() - began))
                grown = (held(url) - before) / 1e6
                rows.append((f"{count}", f"{grown:.1f}", f"{1000 * grown / count:.0f}", f"{idle[-1]:.2f}"))
            delays = [delay for number in range(ROUNDS) for delay in told(system, users, listeners, number)]
            grown = (held(url) - before) / 1e6
    print_table(("listeners", "MB more", "kB each", "queries a second, idle"), rows)
    p95 = quantiles(delays, n=20)[-1]
    print(f"\nfrom a change to a listener: median {median(delays):.2f} s, 95 % {p95:.2f} s, all {max(delays):.2f} s")
    targets = [
        Target(f"memory of {LISTENERS} listeners, after {ROUNDS} changes", grown, most=MOST_MEGABYTES, unit="MB"),
        Target("from a change to a listener, 95 %", p95, most=MOST_SECONDS, unit="s"),
        Target("idle queries a second, most", max(idle), most=MOST_QUERIES, unit=""),
    ]
    return 0 if print_targets(targets) else 1


@contextmanager
def behind(system: System, folder: Path) -> Iterator[Queries]:
    """Count the queries of jobs until the block ends."""
    parts = urlsplit(system.mongodb_url)
    with counted(parts.port or 27017) as queries:
        name = parts.netloc.replace(f":{parts.port}", f":{queries.port}")
        (folder / "url").write_text(urlunsplit(parts._replace(netloc=name)))
        system.reconfigure("jobs", MONGODB_URL_FILE=str(folder / "url"), THREADS="8")
        yield queries
        system.stop("jobs")


def told(system: System, users: list[User], listeners: Listeners, number: int) -> list[float]:
    """Change each user's job at one moment, and return after how many seconds each listener heard."""
    time.sleep(random.uniform(0.3, 1.3))
    mark = f"round {number}.mp4"
    began = time.monotonic()
    changes = {"$set": {"filename": mark, "updated_at": datetime.now(UTC)}}
    system.database.jobs.update_many({"_id": {"$in": [user.job_id for user in users]}}, changes)
    return [moment - began for moment in listeners.heard(json.dumps(mark).encode())]


if __name__ == "__main__":
    sys.exit(main())

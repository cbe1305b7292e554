"""Slow clients: 200 connections to each function that send a byte a second, 200 that read one, and one person.

Exits with 1 if anything takes that person more than twice as long as without them. `--gateway` goes through it, to the
functions that people call.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice, repeat
from pathlib import Path
from statistics import median
from typing import TypeVar
from urllib.parse import urlsplit

from local import stack_file
from local.account import User
from tests.bench import transfer
from tests.bench.comparison import print_table
from tests.bench.memory import held
from tests.bench.slow_peers import Peer, at_work
from tests.bench.system import System, started
from tests.bench.targets import Target, print_targets
from tests.clients import web
from tests.clients.mailbox import Mailbox
from tests.media.movies import movie

CONNECTIONS = 200
ROUNDS = 15
STEADY_SECONDS = 15  # the first connections end after ten
FILM_SECONDS = 60
LARGE_MP3_SECONDS = 600  # longer than what the buffers on the way to a client hold
MOST_RATIO = 2.0
WAIT_SECONDS = 600.0
STEPS = ("login", "upload", "conversion", "mail", "download")
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"

Result = TypeVar("Result")


def main() -> int:
    """Measure, print, and return 1 when something took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", action="store_true")
    through = parser.parse_args().gateway
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system:
        urls = {name: f"{system.gateway}/{name}" for name in system.functions} if through else system.functions
        mallory = Person(system, urls, system.another_user("mallory@example.org"))
        mallory.convert(movie(Path(folder), LARGE_MP3_SECONDS))
        slow = list(peers({name: url for name, url in urls.items() if not (through and _is_private(name))}, mallory))
        ada = Person(system, urls, system.user)
        film = movie(Path(folder), FILM_SECONDS)
        ada.round(film)  # the first pays for what every function loads once
        print(f"alone, {ROUNDS} rounds", flush=True)
        alone = [ada.round(film) for _ in range(ROUNDS)]
        before = {name: held(url) / 1e6 for name, url in system.functions.items()}
        print(f"beside {len(slow)} slow connections, {ROUNDS} rounds", flush=True)
        with at_work(slow) as seen:
            time.sleep(STEADY_SECONDS)
            beside = [ada.round(film) for _ in range(ROUNDS)]
            memory = {name: held(url) / 1e6 for name, url in system.functions.items()}
    print(f"connections that ended, by the response's status: {dict(seen.ended)}")
    print(
        "MB before and then: " + ", ".join(f"{name} {before[name]:.0f}, {memory[name]:.0f}" for name in memory) + "\n"
    )
    return 0 if is_met(alone, beside) else 1


def is_met(alone: list[dict[str, float]], beside: list[dict[str, float]]) -> bool:
    """Print each step's seconds, alone and beside the others; tell whether none took more than twice as long."""
    rows, targets = [], []
    for step in STEPS:
        first, second = ([each[step] for each in rounds] for rounds in (alone, beside))
        figures = (median(first), median(second), max(first), max(second))
        rows.append((step, *(f"{figure:.2f}" for figure in figures)))
        targets.append(Target(step, median(second) / median(first), most=MOST_RATIO))
    print_table(("seconds", "alone", "beside", "most alone", "most beside"), rows)
    return print_targets(targets)


class Person:
    """A person who uses the service in the usual way."""

    def __init__(self, system: System, urls: Mapping[str, str], user: User) -> None:
        self._system, self._urls, self._user = system, urls, user
        self._mailbox = Mailbox(system.mailbox)
        self.token = self.fid = ""

    def round(self, film: Path) -> dict[str, float]:
        """Convert a film, and forget it; return each step's seconds."""
        seconds = self.convert(film)
        self._system.forget(self.fid)
        return seconds

    def convert(self, film: Path) -> dict[str, float]:
        """Log in, upload, wait for the MP3 and the mail, and download; return each step's seconds.

        Those of the conversion and of the mail both begin with the upload's end.
        """
        urls, user, inspector = self._urls, self._user, self._system.inspector
        seconds: dict[str, float] = {}
        self.token = _timed(seconds, "login", lambda: web.login(urls["login"], user.email, user.password))
        self.fid = _timed(seconds, "upload", lambda: transfer.upload_raw(urls["upload"], self.token, film))
        uploaded = time.monotonic()
        inspector.done(self.fid, WAIT_SECONDS)
        seconds["conversion"] = time.monotonic() - uploaded
        self._mailbox.about(self.fid, user.email, WAIT_SECONDS)
        seconds["mail"] = time.monotonic() - uploaded
        _timed(seconds, "download", lambda: transfer.download(urls["download"], self.token, self.fid))
        return seconds


def _timed(seconds: dict[str, float], step: str, do: Callable[[], Result]) -> Result:
    began = time.monotonic()
    done = do()
    seconds[step] = time.monotonic() - began
    return done


def peers(urls: Mapping[str, str], mallory: Person) -> Iterator[Peer]:
    """Yield the slow connections to each function: as many that send slowly as that read slowly."""
    bearer = f"Authorization: Bearer {mallory.token}"
    for name, url in urls.items():
        asking = _head(url, "GET", f"?fid={mallory.fid}", bearer)
        small = _head(url, "POST", "", "Content-Length: 1000", "Content-Type: application/json")
        large = _head(url, "POST", "?filename=a.mp4", bearer, "Content-Length: 1000000")
        uploading = Peer(url, large + MP4, bytes(1000))
        sending = [Peer(url, b"", asking), Peer(url, small, bytes(1000)), uploading]
        yield from islice(cycle([uploading] if name == "upload" else sending), CONNECTIONS)
        yield from repeat(Peer(url, asking), CONNECTIONS)


def _head(url: str, method: str, query: str, *fields: str) -> bytes:
    parts = urlsplit(url)
    first = f"{method} {parts.path or '/'}{query} HTTP/1.1"
    return "\r\n".join([first, f"Host: {parts.netloc}", *fields, "", ""]).encode()


def _is_private(name: str) -> bool:
    return stack_file.takes_events(name)


if __name__ == "__main__":
    sys.exit(main())

"""Events of jobs through every door: each change is told, and a client that comes back misses none."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.e2e.test_access import lines
from tests.e2e.test_delete import forgotten
from tests.local.private import PrivateStack
from tests.media.videos import silent_video

SECONDS = 30
MAIL_CHANGES = 6  # more than its mail changes a job
LISTENERS = 20


class Event(NamedTuple):
    """One event of a stream: its type, its id, and its data."""

    kind: str
    id: str
    data: Any


class Follower:
    """An open stream."""

    def __init__(self, url: str, token: str, last: str = "") -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
        headers = {**web.bearer(token), **({"Last-Event-ID": last} if last else {})}
        self.connection.request("GET", f"{parts.path or '/'}?{parts.query}", headers=headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.last = last

    def close(self) -> None:
        """Leave."""
        self.response.close()
        self.connection.close()

    def fields(self) -> Iterator[dict[str, str]]:
        """Yield the fields of each block until the stream ends."""
        block: dict[str, str] = {}
        while line := self.response.readline():
            text = line.decode().rstrip("\n")
            if text:
                name, _, value = text.partition(": ")
                block[name] = value
            elif block:
                self.last = block.get("id", self.last)
                yield block
                block = {}

    def events(self) -> Iterator[Event]:
        """Yield what a browser would dispatch."""
        for block in self.fields():
            if "data" in block:
                yield Event(block.get("event", "message"), block["id"], json.loads(block["data"]))


@contextmanager
def following(url: str, token: str, last: str = "") -> Iterator[Follower]:
    """Follow a stream until the block ends."""
    follower = Follower(url, token, last)
    try:
        yield follower
    finally:
        follower.close()


def first(events: Iterator[Event], fits: Callable[[Event], bool]) -> Event:
    """Return the first event that fits."""
    return next(event for event in events if fits(event))


def test_one_job_is_followed_to_its_end(
    no_connector: Callable[[], None], route: Urls, owner: Person, video: Path, inspector: Inspector
) -> None:
    """From the state that it has when the stream begins; the stream ends with it, and a browser stays away then."""
    fid = web.uploaded(route("upload"), owner.token, video)
    target = f"{route('jobs')}/{fid}/events"
    with following(target, owner.token) as follower:
        assert follower.status == 200
        assert follower.response.headers["Content-Type"] == "text/event-stream"
        assert follower.response.headers["Cache-Control"] == "no-store"
        assert "retry" in next(follower.fields())
        seen = follower.events()
        assert next(seen).data["state"] == "queued"
        no_connector()
        told = [event.data for event in seen]
        assert [job["id"] for job in told] == [fid] * len(told)
        assert told[-1]["state"] == "done"
        assert follower.response.isclosed(), "the end of a chunked response, not of a connection"
    last = follower.last
    for _ in range(MAIL_CHANGES):
        with following(target, owner.token, last) as again:
            if again.status == 204:
                break
            assert [event.data["state"] for event in again.events()] == ["done"], "its mail was sent meanwhile"
            last = again.last
    else:
        pytest.fail("a browser would come back for ever")
    with following(f"{route('jobs')}/?id={fid}&events", owner.token) as late:
        assert [event.data["state"] for event in late.events()] == ["done"]


def test_all_jobs_are_followed(
    route: Urls, other_user: Person, owner: Person, video: Path, videos: Path, inspector: Inspector
) -> None:
    """Also those that begin later; nobody else's. What is deleted is told of too."""
    with following(f"{route('jobs')}/?events", other_user.token) as follower:
        seen = follower.events()
        web.uploaded(route("upload"), owner.token, video)
        done = web.uploaded(route("upload"), other_user.token, video)
        first(seen, lambda event: (event.data["id"], event.data.get("state")) == (done, "done"))
        failed = web.uploaded(route("upload"), other_user.token, silent_video(videos))
        told = first(seen, lambda event: event.data.get("state") == "failed")
        assert (told.data["id"], told.data["error"]["code"]) == (failed, "no_audio")
        assert web.call("DELETE", f"{route('jobs')}/{done}", headers=web.bearer(other_user.token)).status == 204
        assert first(seen, lambda event: event.kind == "deleted").data == {"id": done}
    forgotten(inspector, done)


def test_whoever_comes_back_misses_nothing(url: Urls, other_user: Person, video: Path, inspector: Inspector) -> None:
    target = f"{url('jobs')}/events"
    with following(target, other_user.token) as follower:
        next(follower.fields())
    away = [web.uploaded(url("upload"), other_user.token, video) for _ in range(3)]
    for fid in away:
        inspector.done(fid)
    with following(target, other_user.token, follower.last) as follower:
        seen = follower.events()
        told = {event.data["id"] for event in (next(seen) for _ in away)}
        assert told == set(away)
        first(seen, lambda event: event.data["mail"] == "sent")


def test_a_stream_holds_no_thread_and_ends_with_its_process(stack: PrivateStack, owner: Person, url: Urls) -> None:
    """More streams than threads are open at once, and others are answered; SIGTERM ends all of them."""
    stack.reconfigure("jobs", THREADS="2")
    target = f"{stack.functions['jobs']}/events"
    followers = [Follower(target, owner.token) for _ in range(LISTENERS)]
    try:
        assert {follower.status for follower in followers} == {200}
        one_more = web.call("GET", target, headers=web.bearer(owner.token))
        assert (one_more.status, one_more.json()["code"]) == (429, "too_many_streams")
        assert one_more.headers["Retry-After"]
        assert web.call("GET", stack.functions["jobs"], headers=web.bearer(owner.token)).status == 200
        followers.pop().close()
        followers.append(until(lambda: _joined(target, owner.token), "a place"))
        assert [line["bytes"] > 0 for line in lines(stack, "jobs", status=200) if line["milliseconds"] > 900]
        began = time.monotonic()
        stack.stop("jobs")
        for follower in followers:
            assert list(follower.fields()), "it began"
            assert follower.response.isclosed()
        print(f"ended {time.monotonic() - began:.1f} s after SIGTERM")
        stack.start("jobs")
    finally:
        for follower in followers:
            follower.close()
        stack.reconfigure("jobs")


def _joined(target: str, token: str) -> Follower | None:
    follower = Follower(target, token)
    if follower.status == 200:
        return follower
    follower.close()
    return None


def test_head_and_strangers(route: Urls, owner: Person, other_user: Person, video: Path, inspector: Inspector) -> None:
    fid = web.uploaded(route("upload"), owner.token, video)
    head = web.call("HEAD", f"{route('jobs')}/{fid}/events", headers=web.bearer(owner.token))
    assert (head.status, head.headers["Content-Type"]) == (200, "text/event-stream")
    assert web.call("GET", f"{route('jobs')}/{fid}/events", headers=web.bearer(other_user.token)).status == 404
    assert web.call("GET", f"{route('jobs')}/events").status == 401
    inspector.done(fid)

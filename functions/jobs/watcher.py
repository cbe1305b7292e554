"""The watcher: one thread of a process that asks the database once a second for all who follow jobs."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Lock, Thread

from functions.backends.jobs import Jobs
from functions.common import metrics
from functions.common.access import Log
from functions.common.errors import BUSY, TOO_MANY_STREAMS, Failure
from functions.common.streams import Stream
from functions.common.values import Document
from functions.jobs import events

_log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
COMMENT_SECONDS = 15.0
STREAM_SECONDS = 510.0  # platforms end a request after 9 minutes or more; a client comes back
MOST_OF_A_USER = 20
MOST = 500
_LATEST_SECONDS = 2.0  # beyond an operation's longest time, by which a change may be seen after its own time
_CLOCK_SECONDS = 60.0  # how long this process's clock is trusted to run like the database's
_PAGE = 1000
_MOST_PAGES = 20
_RETRY_AFTER = {"Retry-After": "5"}


class Listener:
    """Who follows one job of a user, or all: what they know, and the stream that tells them more."""

    def __init__(self, owner: str, job_id: str | None, since: datetime) -> None:
        """Tell of changes after `since`, and of those that are in `known` only if they are newer."""
        self.owner = owner
        self.job_id = job_id
        self.since = since
        self.known: dict[str, datetime] = {}
        self.stream: Stream
        self.log: Log = lambda _sent: None
        self.sent = 0
        self.ends = self.said = 0.0

    def is_told(self, job: Document) -> bool:
        """Return whether a change is news."""
        mine = self.job_id in (None, job["_id"])
        return bool(mine and job["updated_at"] > self.known.get(job["_id"], self.since))

    def say(self, text: bytes) -> None:
        """Send text, or find that the client has left."""
        if self.stream.write(text):
            self.sent += len(text)
            self.said = time.monotonic()

    def forget(self, before: datetime) -> None:
        """Forget changes that are asked for no more."""
        self.since = max(self.since, before)
        if any(at < before for at in self.known.values()):
            self.known = {job_id: at for job_id, at in self.known.items() if at >= before}


class Watcher:
    """All listeners of a process. The thread runs while there are any."""

    def __init__(self, jobs: Jobs, latest: float, render: Callable[[Document], bytes], stopping: Event) -> None:
        """Changes are seen `latest` seconds after their time at the latest; `render` returns the event of one."""
        self._jobs = jobs
        self._overlap = timedelta(seconds=latest + _LATEST_SECONDS)
        self._render = render
        self._stopping = stopping
        self._lock = Lock()
        self._listeners: list[Listener] = []
        self._places: Counter[str] = Counter()
        self._wanted: datetime | None = None  # the earliest change that a new listener has not heard of
        self._asked: datetime | None = None  # when the database was asked last
        self._clock: tuple[datetime, float] | None = None  # the database's and this process's
        self._is_running = False

    def begin(self, now: datetime) -> datetime:
        """Return since when a listener of this moment must be told of changes."""
        return now - self._overlap

    def take_place(self, owner: str) -> None:
        """Count one more listener. Raises Failure: TOO_MANY_STREAMS, BUSY."""
        with self._lock:
            if self._places[owner] >= MOST_OF_A_USER:
                raise Failure(TOO_MANY_STREAMS, _RETRY_AFTER)
            if self._places.total() >= MOST:
                raise Failure(BUSY, _RETRY_AFTER)
            self._places[owner] += 1
        metrics.move(metrics.OPEN, metrics.EVENTS_FOLLOWED, 1)

    def give_back(self, owner: str) -> None:
        """Count one less."""
        with self._lock:
            self._places[owner] -= 1
            self._places += Counter()  # drops those without any
        metrics.move(metrics.OPEN, metrics.EVENTS_FOLLOWED, -1)

    def add(self, listener: Listener, stream: Stream) -> None:
        """Go on with a stream; its listener has a place."""
        listener.stream = stream
        listener.said = time.monotonic()
        listener.ends = listener.said + STREAM_SECONDS
        with self._lock:
            self._listeners.append(listener)
            self._wanted = min(self._wanted or listener.since, listener.since)
            if not self._is_running:
                self._is_running = True
                Thread(target=self._run, name="watcher", daemon=True).start()

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self.tick()
            except Exception:
                _log.exception("unexpected error")
            with self._lock:
                if not self._listeners:
                    self._is_running = False
                    self._asked = None
                    return
            self._stopping.wait(max(0.0, began + PERIOD_SECONDS - time.monotonic()))

    def tick(self) -> None:
        """Tell every listener what is new, and end those whose time is over."""
        with self._lock:
            listeners = list(self._listeners)
            wanted, self._wanted = self._wanted, None
        if not self._stopping.is_set():
            try:
                self._tell(listeners, wanted)
            except Failure as failure:
                _log.warning("not followed", extra={"cause": repr(failure.__cause__)})
                with self._lock:  # what was missed is asked for again
                    self._wanted = min(filter(None, (wanted, self._wanted)), default=None)
        now = time.monotonic()
        for listener in listeners:
            stream = listener.stream
            if self._stopping.is_set() or now >= listener.ends:
                stream.close()
            elif now - listener.said >= COMMENT_SECONDS:
                listener.say(events.COMMENT)
            else:
                stream.write()
            if not stream.is_open:
                self._end(listener)

    def _tell(self, listeners: list[Listener], wanted: datetime | None) -> None:
        by_owner: dict[str, list[Listener]] = {}
        for listener in listeners:
            by_owner.setdefault(listener.owner, []).append(listener)
        now = self._now()
        since = min(self._asked or now, now) - self._overlap
        self._tell_since(min(since, wanted or since), by_owner)
        self._asked = now
        for listener in listeners:
            listener.forget(since)

    def _tell_since(self, since: datetime, by_owner: dict[str, list[Listener]]) -> None:
        for _ in range(_MOST_PAGES):
            changes = self._jobs.changes_since(since, _PAGE)
            news = [
                change["_id"]
                for change in changes
                if any(listener.is_told(change) for listener in by_owner.get(change["owner"], ()))
            ]
            found = self._jobs.several(news) if news else []
            for job in sorted(found, key=lambda job: job["updated_at"]):
                self._tell_of(job, by_owner[job["owner"]])
            if len(changes) < _PAGE:
                return
            since = changes[-1]["updated_at"]

    def _tell_of(self, job: Document, listeners: list[Listener]) -> None:
        told = [listener for listener in listeners if listener.is_told(job)]
        if not told:
            return
        event = self._render(job)
        for listener in told:
            listener.known[job["_id"]] = job["updated_at"]
            listener.say(event)
            if listener.job_id and events.is_last(job):
                listener.stream.close()

    def _now(self) -> datetime:
        """Return the time by the database's clock, which is asked once a minute."""
        here = time.monotonic()
        if self._clock is None or here - self._clock[1] > _CLOCK_SECONDS:
            self._clock = self._jobs.after(0), here
        there, then = self._clock
        return there + timedelta(seconds=here - then)

    def _end(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.remove(listener)
        self.give_back(listener.owner)
        listener.log(listener.sent)

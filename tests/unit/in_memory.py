"""A system in memory: jobs with a clock set by the test, files, and a queue that records its events.

`tests/integration` proves the collections (test_jobs.py, test_files.py) and the walk through dead letters
(test_dead_letters.py) against real servers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cloudevents.http import CloudEvent
from pymongo.errors import AutoReconnect, NetworkTimeout

from functions.backends.dead_letters import DeadLetters, Letter
from functions.backends.feeds import Feeds
from functions.backends.files import Files
from functions.backends.idempotency_keys import Keys
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.backends.usage import Usage
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Broker, Periods
from functions.common.values import Document
from functions.sweep.sweeper import Sweeper
from tests.exploration.memory import MemoryCollection, MemoryDatabase
from tests.integration.states import PERIODS, Clock


class UnreliableCollection(MemoryCollection):
    """Documents whose changes may fail: `faults` determines the results of the next ones.

    "before" fails before the change; "after", or a function that is called then, loses the answer. Reads fail while
    `blind` is set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str | Callable[[], None] | None] = []
        self.blind = False
        self.changes = 0

    def find_one(self, query: Document, projection: Any = None, sort: Any = None) -> Document | None:
        """Find a document, or fail."""
        if self.blind:
            raise NetworkTimeout("no answer")
        return super().find_one(query, projection, sort)

    def find_one_and_update(self, query: Document, update: Document, return_document: bool = True) -> Document | None:
        """Change a document, and fail before or after it if scheduled."""
        self.changes += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault == "before":
            raise AutoReconnect("not sent")
        changed = super().find_one_and_update(query, update)
        if fault is None:
            return changed
        if callable(fault):
            fault()
        raise AutoReconnect("the answer is lost")


class RecordingQueue(Queue):
    """Records published events; while it is down, publishing fails as with an unreachable broker."""

    def __init__(self) -> None:
        super().__init__(Broker("amqp://nowhere", 1.0))
        self.down = False
        self.events: list[CloudEvent] = []

    def publish(self, batch: Iterable[CloudEvent]) -> None:
        """Record the events."""
        if self.down:
            raise Failure(UNAVAILABLE)
        self.events += batch

    @property
    def published(self) -> list[tuple[str, str]]:
        """Return the last word of each event's type, with its job."""
        return [(event["type"].rpartition(".")[2], event["subject"]) for event in self.events]


class MemoryLetters(DeadLetters):
    """Dead letters in a list."""

    def __init__(self, letters: Iterable[Letter]) -> None:
        self.letters = list(letters)

    def each(self, settled: Callable[[Letter], bool]) -> None:
        """Call `settled` for each letter, and drop those that it accepts, even if a later one raises."""
        for letter in list(self.letters):
            if settled(letter):
                self.letters.remove(letter)


class System:
    """Jobs, files and a queue; the helpers in tests/integration/states bring its jobs to a state."""

    def __init__(self, periods: Periods = PERIODS, collection: MemoryCollection | None = None) -> None:
        self.clock = Clock()
        self.database = MemoryDatabase()
        self.database["jobs"] = collection or self.database["jobs"]
        documents: Any = self.database["jobs"]
        buckets: Any = self.database
        self.queue = RecordingQueue()
        self.jobs = Jobs(documents, self.clock, periods)
        self.files = Files(buckets)
        self.usage = Usage(buckets["usage"], self.jobs)
        self.keys = Keys(buckets["keys"], self.jobs)
        self.feeds = Feeds(buckets["feeds"], self.jobs)
        self.sweeper = Sweeper(self.jobs, self.files, self.queue, self.usage)

    def document(self, job_id: str) -> dict[str, Any]:
        """Return a job's document, even if it is being deleted."""
        found = self.database["jobs"].find_one({"_id": job_id})
        assert found is not None
        return found

    def stored(self) -> dict[str, set[str]]:
        """Return the ids in each collection of a bucket."""
        keys = {"files": "_id", "chunks": "files_id"}
        return {
            name: {each[keys[name.rpartition(".")[2]]] for each in self.database[name].documents.values()}
            for name in ("videos.files", "videos.chunks", "mp3s.files", "mp3s.chunks")
        }

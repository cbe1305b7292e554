"""The job documents in MongoDB: the only truth about every upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, PyMongoError

from functions.backends import mongodb
from functions.common import config, crash, metrics, transitions
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Periods
from functions.common.transitions import Transition
from functions.common.values import Document, Moment

_INDEXES = (
    [("owner", 1), ("created_at", -1)],
    [("state", 1), ("lease.until", 1)],
    [("state", 1), ("mail.state", 1), ("created_at", 1)],
    [("announce_due", 1)],
    [("mail.state", 1), ("mail.until", 1)],
    [("cleanup.at", 1)],
    [("expires.video", 1)],
    [("expires.mp3", 1)],
    [("expires.job", 1)],
)
_TRIES = 2
_BATCH = 100  # documents of a few kilobytes at most, held at a time
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # with a lower bound too, no server walks through the jobs without a date


class Waiting(NamedTuple):
    """How many jobs wait, and the age of the oldest in seconds."""

    number: int
    oldest: float


class Jobs:
    """Execute the table of transitions on a collection of job documents."""

    def __init__(self, collection: Collection[Document], clock: Callable[[], datetime], periods: Periods) -> None:
        self._collection = collection
        self._clock = clock
        self.periods = periods

    def receive(self, job_id: str, **fields: Any) -> Document:
        """Insert the document of an upload that begins now, under its lease."""
        moment = self._moment()
        with mongodb.reached():
            job = {"_id": job_id, **fields} | {
                "created_at": moment.after(0),
                "updated_at": moment.after(0),
                "state": transitions.RECEIVING,
                "epoch": 0,
                "attempts": 0,
                "progress": 0,
                "lease": {"holder": job_id, "until": moment.after(self.periods.upload_lease)},
                "mail": {"state": transitions.NONE, "run": 1, "attempts": 0},
            }
            with crash.around("receive"):
                self._collection.insert_one(job)
        return job

    def find(self, job_id: str) -> Document | None:
        """Return a job that is not being deleted."""
        with mongodb.reached():
            return self._collection.find_one({"_id": job_id, "state": {"$ne": transitions.DELETING}})

    def find_owned(self, job_id: str, owner: str) -> Document | None:
        """Return a job of this user, unless it is being deleted; somebody else's is as good as none."""
        with mongodb.reached():
            return self._collection.find_one({"_id": job_id, "owner": owner, "state": {"$ne": transitions.DELETING}})

    def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
        """Take a job through one row of the table; return it as it is afterwards, or nothing if the row lost.

        Raises Failure(UNAVAILABLE) when the outcome is unknown: delete nothing then (functions/README.md, rule 2).
        """
        for attempt in range(_TRIES):
            moment = self._moment(given)
            try:
                with crash.around(row.name):
                    job = self._collection.find_one_and_update(
                        transitions.condition(row, job_id, moment),
                        transitions.change(row, moment),
                        return_document=ReturnDocument.AFTER,
                    )
                if job is not None:
                    metrics.count(metrics.TRANSITIONS, row.name)
                return job
            except PyMongoError as error:
                job = self._after_doubt(job_id, error)
                if job is None:
                    return None
                if _holds(job, transitions.result(row, moment)):
                    metrics.count(metrics.TRANSITIONS, row.name)
                    return job
                if attempt + 1 == _TRIES:
                    raise Failure(UNAVAILABLE) from error
        raise AssertionError("unreachable")

    def _after_doubt(self, job_id: str, error: PyMongoError) -> Document | None:
        try:
            return self._collection.find_one({"_id": job_id})
        except PyMongoError:
            raise Failure(UNAVAILABLE) from error

    def forget(self, job: Document) -> bool:
        """Remove the document of a deleted or aborted job whose files are gone for good."""
        with mongodb.reached(), crash.around("forget"):
            result = self._collection.delete_one(
                {
                    "_id": job["_id"],
                    "epoch": job["epoch"],
                    "cleanup": job["cleanup"],
                    "state": {"$in": [transitions.DELETING, transitions.ABORTED]},
                }
            )
        return result.deleted_count == 1

    def after(self, seconds: float) -> datetime:
        """Return the moment so many seconds from now, by the database's clock."""
        return self._moment().after(seconds)

    def _moment(self, given: Mapping[str, Any] | None = None) -> Moment:
        """Return the moment that it is now. Raises Failure(UNAVAILABLE), and then nothing has been changed yet."""
        with mongodb.reached():
            try:
                now = self._clock()
            except AutoReconnect as error:
                if error.timeout:
                    raise
                # The connection had died since its last use. The driver repeats a read by itself, but no command.
                now = self._clock()
        return Moment(now, self.periods, given or {})

    def lease_over(self, state: str, most: int) -> Iterator[Document]:
        """Yield jobs in this state whose lease is over, the longest first."""
        return self._due({"state": state}, "lease.until", most)

    def unannounced(self, most: int) -> Iterator[Document]:
        """Yield jobs that still wait for the function that acts next, the longest first."""
        # Every claim drops this field: who has it waits, and one index finds them among millions.
        return self._due({}, "announce_due", most)

    def mail_over(self, state: str, most: int) -> Iterator[Document]:
        """Yield jobs whose mail has been in this state for too long."""
        return self._due({"mail.state": state}, "mail.until", most)

    def uncleaned(self, most: int) -> Iterator[Document]:
        """Yield jobs whose files should be looked over now."""
        return self._due({}, "cleanup.at", most)

    def expired(self, what: str, most: int) -> Iterator[Document]:
        """Yield jobs whose `video`, `mp3` or `job` has been kept for its time."""
        return self._due({}, f"expires.{what}", most)

    def _due(self, query: Document, field: str, most: int) -> Iterator[Document]:
        with mongodb.reached():
            due = query | {field: {"$gt": _BEGINNING, "$lte": self.after(0)}}
            with self._collection.find(due).sort(field, 1).limit(most).batch_size(_BATCH) as found:
                yield from found

    def waiting(self, query: Document, most: int) -> Waiting:
        """Return how many jobs a query by state, or by state and mail.state, finds, up to `most`."""
        with mongodb.reached():
            number = self._collection.count_documents(query, limit=most)
            oldest = self._collection.find_one(query, {"created_at": 1}, sort=[("created_at", 1)])
        return Waiting(number, (self.after(0) - oldest["created_at"]).total_seconds() if oldest else 0.0)

    def prepare(self) -> None:
        """Create the indexes that the queries above need; does nothing where they exist."""
        with mongodb.reached():
            self._collection.create_indexes([IndexModel(keys) for keys in _INDEXES])


def _holds(job: Document, values: Document) -> bool:
    """Tell whether a change of ours is in the document: its moment and its claim make it ours."""
    for path, value in values.items():
        here: Any = job
        for part in path.split("."):
            here = here.get(part) if isinstance(here, dict) else None
        if here != value:
            return False
    return True


@cache
def connect() -> Jobs:
    """Return the jobs of the database that the settings name, with the database's clock."""
    database = mongodb.connect()
    admin = database.client.admin

    # A comparison with $$NOW inside a query is not understood everywhere, so the clock is asked for.
    def clock() -> datetime:
        moment: datetime = admin.command("hello", codec_options=database.codec_options)["localTime"]
        return moment

    return Jobs(database["jobs"], clock, config.load(Periods))

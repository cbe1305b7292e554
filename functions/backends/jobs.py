"""The job documents in MongoDB, the only source of truth about an upload (functions/README.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from functions.backends import mongodb
from functions.common import config, crash, metrics, transitions
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Periods
from functions.common.states import INTERNAL
from functions.common.transitions import Transition
from functions.common.values import Document, Moment

_INDEXES = (
    [("owner", 1), ("created_at", -1), ("_id", -1)],
    [("owner", 1), ("state", 1), ("created_at", -1), ("_id", -1)],
    [("owner", 1), ("sha256", 1), ("created_at", -1)],
    [("updated_at", 1), ("owner", 1), ("_id", 1)],
    [("state", 1), ("lease.until", 1)],
    [("state", 1), ("mail.state", 1), ("created_at", 1)],
    [("state", 1), ("webhook.state", 1), ("created_at", 1)],
    [("announce_due", 1)],
    [("mail.state", 1), ("mail.until", 1)],
    [("webhook.state", 1), ("webhook.until", 1)],
    [("webhook.state", 1), ("webhook.due", 1)],
    [("cleanup.at", 1)],
    [("expires.video", 1)],
    [("expires.mp3", 1)],
    [("expires.job", 1)],
)
_FORMER_INDEX = [("owner", 1), ("created_at", -1)]  # of version 0.6; the first of those above begins with it
_INDEX_NOT_FOUND = 27
_COUNTED = dict.fromkeys(
    ("state", "epoch", "created_at", "claimed_at", "spent", "size", "video_expired_at", "mp3", "retries", "former"), 1
)
_SEEN = frozenset(INTERNAL.values())
_TRIES = 2
_PAGE_SECONDS = 5.0
_BATCH = 100  # documents of at most a few kilobytes
# A lower bound keeps every server from scanning the index entries of jobs without the date.
_MIN_DATE = datetime(1970, 1, 1, tzinfo=UTC)


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
        """Insert the job of an upload that begins now, with a lease."""
        moment = self._moment()
        with mongodb.translated_errors():
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
        """Return a job, or None if there is none or it is being deleted."""
        with mongodb.translated_errors():
            return self._collection.find_one({"_id": job_id, "state": {"$ne": transitions.DELETING}})

    def find_owned(self, job_id: str, owner: str) -> Document | None:
        """Return a job, or None if there is none, it is being deleted, or it belongs to another user."""
        with mongodb.translated_errors():
            return self._collection.find_one({"_id": job_id, "owner": owner, "state": {"$ne": transitions.DELETING}})

    def counted(self, owner: str) -> Iterator[Document]:
        """Yield what counts against the quotas of each job of a user, also of one that is being deleted."""
        with mongodb.translated_errors(), self._collection.find({"owner": owner}, _COUNTED).batch_size(_BATCH) as found:
            yield from found

    def page(
        self, owner: str, states: Sequence[str], text: str, after: tuple[datetime, str] | None, limit: int
    ) -> list[Document]:
        """Return jobs of a user that they may see, newest first.

        They are in one of these states, if any are given, have the text in their name, in either case, and come after
        the one that was created then and has that id.
        """
        # Not every server uses an index for a query with other fields, or with a list of one value. So the rare jobs in
        # between are left out here.
        query: Document = {"owner": owner, "created_at": {"$gt": _MIN_DATE}}
        if after:
            query["created_at"]["$lte"] = after[0]
        if states:
            query["state"] = states[0] if len(states) == 1 else {"$in": list(states)}
        if text:
            query["filename"] = {"$regex": re.escape(text), "$options": "i"}
        with mongodb.translated_errors(), mongodb.within(_PAGE_SECONDS):
            ordered = self._collection.find(query).sort([("created_at", -1), ("_id", -1)]).batch_size(limit + 1)
            with ordered as found:
                fitting = (job for job in found if _is_on_page(job, after))
                return list(islice(fitting, limit))

    def changed(self, owner: str, since: datetime, limit: int) -> list[Document]:
        """Return jobs of a user that were changed since then, in any state, the earliest first."""
        query = {"owner": owner, "updated_at": {"$gte": since}}
        with mongodb.translated_errors(), mongodb.within(_PAGE_SECONDS):
            return list(self._collection.find(query).sort("updated_at", 1).limit(limit).batch_size(_BATCH))

    def changes_since(self, since: datetime, limit: int) -> list[Document]:
        """Return the id, the owner and the time of all changes since then, the earliest first; an index has them."""
        query, shown = {"updated_at": {"$gte": since}}, {"_id": 1, "owner": 1, "updated_at": 1}
        with mongodb.translated_errors(), mongodb.within(_PAGE_SECONDS):
            return list(self._collection.find(query, shown).sort("updated_at", 1).limit(limit))

    def several(self, job_ids: Sequence[str]) -> list[Document]:
        """Return jobs by their ids, in any state, as far as there are any."""
        with mongodb.translated_errors(), mongodb.within(_PAGE_SECONDS):
            return list(self._collection.find({"_id": {"$in": list(job_ids)}}).batch_size(_BATCH))

    def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
        """Apply a transition; return the changed job, or None if its condition does not hold.

        Raises Failure(UNAVAILABLE) if the outcome is unknown: delete nothing then (functions/README.md, rule 2).
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
                job = self._read_again(job_id, error)
                if job is None:
                    return None
                if _contains(job, transitions.result(row, moment)):
                    metrics.count(metrics.TRANSITIONS, row.name)
                    return job
                if attempt + 1 == _TRIES:
                    raise Failure(UNAVAILABLE) from error
        raise AssertionError("unreachable")

    def _read_again(self, job_id: str, error: PyMongoError) -> Document | None:
        try:
            return self._collection.find_one({"_id": job_id})
        except PyMongoError:
            raise Failure(UNAVAILABLE) from error

    def forget(self, job: Document) -> bool:
        """Delete the document of a deleted or aborted job, whose files are all deleted; return whether it was there."""
        with mongodb.translated_errors(), crash.around("forget"):
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
        """Return the time in `seconds`, by the database's clock."""
        return self._moment().after(seconds)

    def _moment(self, given: Mapping[str, Any] | None = None) -> Moment:
        """Return the current time. Raises Failure(UNAVAILABLE); nothing has been changed then."""
        with mongodb.translated_errors():
            try:
                now = self._clock()
            except AutoReconnect as error:
                if error.timeout:
                    raise
                # An idle connection was closed. The driver retries reads, but not commands.
                now = self._clock()
        return Moment(now, self.periods, given or {})

    def lease_expired(self, state: str, limit: int) -> Iterator[Document]:
        """Yield jobs in this state whose lease has expired, oldest first."""
        return self._due({"state": state}, "lease.until", limit)

    def unannounced(self, limit: int) -> Iterator[Document]:
        """Yield jobs whose event should be sent again, oldest first."""
        # A claim removes this field, so one index finds the waiting jobs among millions.
        return self._due({}, "announce_due", limit)

    def mail_expired(self, state: str, limit: int) -> Iterator[Document]:
        """Yield jobs whose mail has been in this state for too long, oldest first."""
        return self._due({"mail.state": state}, "mail.until", limit)

    def webhook_expired(self, limit: int) -> Iterator[Document]:
        """Yield jobs whose webhook has been claimed for too long, oldest first."""
        return self._due({"webhook.state": transitions.CLAIMED}, "webhook.until", limit)

    def webhook_unannounced(self, limit: int) -> Iterator[Document]:
        """Yield ended jobs whose event should be sent again for their webhook, oldest first."""
        # Only the end of a job sets this field.
        return self._due({"webhook.state": transitions.NONE}, "webhook.due", limit)

    def uncleaned(self, limit: int) -> Iterator[Document]:
        """Yield jobs whose files should be cleaned now, oldest first."""
        return self._due({}, "cleanup.at", limit)

    def owned(self, owner: str, limit: int) -> Iterator[Document]:
        """Yield the jobs of a user, in any state, newest first."""
        with (
            mongodb.translated_errors(),
            self._collection.find({"owner": owner}).sort("created_at", -1).limit(limit).batch_size(_BATCH) as found,
        ):
            yield from found

    def finished(self, owner: str, sha256: str, limit: int) -> Iterator[Document]:
        """Yield the jobs of a user that have an MP3 of the video with this digest, newest first."""
        query = {"owner": owner, "sha256": sha256, "state": transitions.DONE, "mp3.expired_at": None}
        with (
            mongodb.translated_errors(),
            self._collection.find(query).sort("created_at", -1).limit(limit).batch_size(_BATCH) as found,
        ):
            yield from found

    def with_mp3(self, owner: str, limit: int) -> list[Document]:
        """Return the jobs of a user whose MP3s can be had, newest first."""
        query = {"owner": owner, "created_at": {"$gt": _MIN_DATE}, "state": transitions.DONE, "mp3.expired_at": None}
        with mongodb.translated_errors(), mongodb.within(_PAGE_SECONDS):
            ordered = self._collection.find(query).sort([("created_at", -1), ("_id", -1)])
            return list(ordered.limit(limit).batch_size(_BATCH))

    def expired(self, what: str, limit: int) -> Iterator[Document]:
        """Yield jobs whose `video`, `mp3` or `job` has expired, oldest first."""
        return self._due({}, f"expires.{what}", limit)

    def _due(self, query: Document, field: str, limit: int) -> Iterator[Document]:
        with mongodb.translated_errors():
            due = query | {field: {"$gt": _MIN_DATE, "$lte": self.after(0)}}
            with self._collection.find(due).sort(field, 1).limit(limit).batch_size(_BATCH) as found:
                yield from found

    def waiting(self, query: Document, limit: int) -> Waiting:
        """Count the jobs, up to `limit`, that match a query by a state, and maybe by a mail.state or webhook.state."""
        with mongodb.translated_errors():
            oldest = self._collection.find_one(query, {"created_at": 1}, sort=[("created_at", 1)])
            if oldest is None:
                return Waiting(0, 0.0)
            number = self._collection.count_documents(query, limit=limit)
        return Waiting(number, (self.after(0) - oldest["created_at"]).total_seconds())

    def prepare(self) -> None:
        """Create the indexes for the queries above, if they do not exist, and drop the one that they replace."""
        with mongodb.translated_errors():
            self._collection.create_indexes([IndexModel(keys) for keys in _INDEXES])
            # Only now, when queries have its replacement. One that is reading it may end as if the database were away.
            try:
                self._collection.drop_index(_FORMER_INDEX)
            except OperationFailure as error:
                if error.code != _INDEX_NOT_FOUND:
                    raise


def _is_on_page(job: Document, after: tuple[datetime, str] | None) -> bool:
    return job["state"] in _SEEN and (after is None or (job["created_at"], job["_id"]) < after)


def _contains(job: Document, values: Document) -> bool:
    """Return whether the document has all these values; its time and claim show that the change is this process's."""
    for path, value in values.items():
        here: Any = job
        for part in path.split("."):
            here = here.get(part) if isinstance(here, dict) else None
        if here != value:
            return False
    return True


@cache
def connect() -> Jobs:
    """Return the jobs of the database in the settings, with the database's clock."""
    database = mongodb.connect()
    admin = database.client.admin

    # Not every server can compare with $$NOW in a query, so the time is asked for.
    def clock() -> datetime:
        moment: datetime = admin.command("hello", codec_options=database.codec_options)["localTime"]
        return moment

    return Jobs(database["jobs"], clock, config.load(Periods))

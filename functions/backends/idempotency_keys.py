"""The Idempotency-Keys of uploads: which job each belongs to, for a day (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from functions.backends import jobs as job_documents
from functions.backends import mongodb
from functions.backends.jobs import Jobs
from functions.common import crash, transitions
from functions.common.errors import KEY_IN_USE, Failure
from functions.common.values import Document

_KEPT = timedelta(days=1)
_RETRY_AFTER_SECONDS = 5


class Key(NamedTuple):
    """A user's key: the id of its document, the job that it belonged to so far, and that job if it was stored."""

    id: str
    former: str | None = None
    job: Document | None = None


class Keys:
    """The keys of all users. Only their hashes are stored, with the user's id, so that none meets another user's."""

    def __init__(self, collection: Collection[Document], jobs: Jobs) -> None:
        self._collection = collection
        self._jobs = jobs

    def find(self, user: str, key: str) -> Key:
        """Return a key, with the job that came with it. Raises Failure(KEY_IN_USE) while that is being uploaded."""
        key_id = hashlib.sha256(f"{user}\n{key}".encode()).hexdigest()
        with mongodb.translated_errors():
            found = self._collection.find_one({"_id": key_id})
        if found is None:
            return Key(key_id)
        now = self._jobs.after(0)
        if found["until"] <= now:
            return Key(key_id, found["job"])
        job = self._jobs.find(found["job"])
        if job is None:
            # Between the key and its job lie milliseconds, unless the process died there or the job was deleted.
            if found["at"] > now - timedelta(seconds=self._jobs.periods.upload_lease):
                raise in_use()
            return Key(key_id, found["job"])
        if job["state"] == transitions.RECEIVING:
            raise in_use()
        return Key(key_id, found["job"], None if job["state"] == transitions.ABORTED else job)

    def take(self, key: Key, job_id: str) -> None:
        """Give a key to a job that will be inserted right after. Raises Failure(KEY_IN_USE) if another upload did."""
        now = self._jobs.after(0)
        held = {"job": job_id, "at": now, "until": now + _KEPT}
        with mongodb.translated_errors(), crash.around("keys.take"):
            if key.former is not None:
                query = {"_id": key.id, "job": key.former}
                if self._collection.find_one_and_update(query, {"$set": held}) is None:
                    raise in_use()
                return
            try:
                self._collection.insert_one({"_id": key.id} | held)
            except DuplicateKeyError:
                raise in_use() from None

    def renew(self, key: Key, job_id: str) -> None:
        """Keep a key for an upload that has no job yet. Raises Failure(KEY_IN_USE) if another upload has it."""
        changes = {"$set": {"at": self._jobs.after(0)}}
        with mongodb.translated_errors():
            if self._collection.find_one_and_update({"_id": key.id, "job": job_id}, changes) is None:
                raise in_use()

    def release(self, key: Key, job_id: str) -> None:
        """Free a key, now that it is certain that its job has not been stored."""
        with mongodb.translated_errors(), crash.around("keys.release"):
            self._collection.delete_one({"_id": key.id, "job": job_id})

    def forget(self) -> None:
        """Delete the keys whose day is over."""
        now = self._jobs.after(0)
        with mongodb.translated_errors():
            self._collection.delete_many({"until": {"$lte": now}})

    def prepare(self) -> None:
        """Create the index for `forget`, if it does not exist."""
        with mongodb.translated_errors():
            self._collection.create_index([("until", 1)])


def in_use() -> Failure:
    """Return the refusal of a key whose upload is still running."""
    return Failure(KEY_IN_USE, {"Retry-After": str(_RETRY_AFTER_SECONDS)})


@cache
def connect() -> Keys:
    """Return the keys of the database in the settings."""
    return Keys(mongodb.connect()["keys"], job_documents.connect())

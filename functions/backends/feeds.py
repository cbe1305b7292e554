"""The secrets of users' podcast feeds, as hashes, and when each feed was last seen to change."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from typing import NamedTuple

from pymongo.collection import Collection

from functions.backends import jobs as job_documents
from functions.backends import mongodb
from functions.backends.jobs import Jobs
from functions.common.values import Document


class Feed(NamedTuple):
    """A living feed: whose it is, the hash of its secret, and which version of it has been there since when."""

    user: str
    hash: str
    etag: str | None
    changed_at: datetime


class Feeds:
    """The feeds of all users. One document per user has the hash of the only secret that opens theirs."""

    def __init__(self, collection: Collection[Document], jobs: Jobs) -> None:
        self._collection = collection
        self._jobs = jobs

    def replace(self, user: str, secret: str) -> None:
        """Give a user's feed this secret; an earlier one opens nothing any more."""
        feed = {"_id": user, "hash": _hashed(secret), "etag": None, "changed_at": self._jobs.after(0)}
        with mongodb.translated_errors():
            self._collection.replace_one({"_id": user}, feed, upsert=True)

    def end(self, user: str) -> bool:
        """Let no secret open the user's feed any more; return whether there was one."""
        with mongodb.translated_errors():
            return self._collection.delete_one({"_id": user}).deleted_count == 1

    def find(self, secret: str) -> Feed | None:
        """Return the feed that a secret opens, or None."""
        with mongodb.translated_errors():
            found = self._collection.find_one({"hash": _hashed(secret)})
        return Feed(found["_id"], found["hash"], found["etag"], found["changed_at"]) if found else None

    def changed(self, feed: Feed, etag: str) -> datetime:
        """Remember that the feed has another version now; return since when."""
        now = self._jobs.after(0)
        with mongodb.translated_errors():
            self._collection.find_one_and_update(
                {"_id": feed.user, "hash": feed.hash}, {"$set": {"etag": etag, "changed_at": now}}
            )
        return now

    def prepare(self) -> None:
        """Create the index for `find`, if it does not exist."""
        with mongodb.translated_errors():
            self._collection.create_index([("hash", 1)], unique=True)


def _hashed(secret: str) -> str:
    # 160 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()


@cache
def connect() -> Feeds:
    """Return the feeds of the database in the settings."""
    return Feeds(mongodb.connect()["feeds"], job_documents.connect())

"""MongoDB: one client per process, created at its first use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import pymongo
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from functions.common import config
from functions.common.errors import UNAVAILABLE, Failure
from functions.common.settings import Mongo


@cache
def connect() -> Database[dict[str, Any]]:
    """Return the database; its writes are journaled and acknowledged by a majority."""
    settings = config.load(Mongo)
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            settings.url, tz_aware=True, timeoutMS=int(settings.timeout * 1000), appname="mp3converter", maxPoolSize=32
        )
    except (PyMongoError, ValueError):  # it quotes parts of the URL
        raise config.ConfigError("MONGODB_URL must be a MongoDB connection string") from None
    return client.get_database(
        settings.database, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
    )


def within(seconds: float) -> AbstractContextManager[None]:
    """Limit the total time of all database operations in a block."""
    return pymongo.timeout(seconds)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every driver error into Failure(UNAVAILABLE); the driver's message only goes to the log."""
    try:
        yield
    except PyMongoError as error:
        raise Failure(UNAVAILABLE) from error

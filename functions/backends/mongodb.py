"""MongoDB: one client for a process, made at its first use."""

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
    """Return the database; every write to it is acknowledged by a majority, journalled."""
    settings = config.load(Mongo)
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            settings.url, tz_aware=True, timeoutMS=int(settings.timeout * 1000), appname="mp3converter", maxPoolSize=32
        )
    except (PyMongoError, ValueError):  # it quotes parts of the URL
        raise config.ConfigError("MONGODB_URL must be as MongoDB's manual describes connection strings") from None
    return client.get_database(
        settings.database, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
    )


def within(seconds: float) -> AbstractContextManager[None]:
    """Limit all that a block asks of the database, together, to so many seconds."""
    return pymongo.timeout(seconds)


@contextmanager
def reached() -> Iterator[None]:
    """Turn every failure of the driver into Failure(UNAVAILABLE); the driver's own words stay in the log."""
    try:
        yield
    except PyMongoError as error:
        raise Failure(UNAVAILABLE) from error

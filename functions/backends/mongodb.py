"""MongoDB: one client for a process, made at its first use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

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
    client: MongoClient[dict[str, Any]] = MongoClient(
        settings.url, tz_aware=True, timeoutMS=int(settings.timeout * 1000), appname="mp3converter", maxPoolSize=32
    )
    return client.get_database(
        settings.database, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
    )


@contextmanager
def reached() -> Iterator[None]:
    """Turn every failure of the driver into Failure(UNAVAILABLE); the driver's own words stay in the log."""
    try:
        yield
    except PyMongoError as error:
        raise Failure(UNAVAILABLE) from error

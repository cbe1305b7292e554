"""Feeds on a real server: one living secret per user, of which only a hash is stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.database import Database

from functions.backends.feeds import Feeds
from functions.backends.jobs import Jobs
from functions.common.values import Document
from tests.exploration.memory import MemoryDatabase
from tests.integration.states import PERIODS, Clock

THREADS = 8


def feeds_in(database: Any, clock: Clock) -> Feeds:
    feeds = Feeds(database["feeds"], Jobs(database["jobs"], clock, PERIODS))
    feeds.prepare()
    return feeds


def _life(database: Any) -> Any:
    """Do everything; return what was answered, and the documents in the end."""
    clock = Clock()
    feeds = feeds_in(database, clock)
    feeds.replace("1", "first")
    feeds.replace("2", "other")
    found = [feeds.find("first"), feeds.find("unknown")]
    clock.advance(seconds=5)
    feeds.replace("1", "second")
    found += [feeds.find("first"), feeds.find("second")]
    (feed,) = [each for each in found[-1:] if each]
    clock.advance(seconds=5)
    changed = feeds.changed(feed, "version")
    found.append(feeds.find("second"))
    ended = [feeds.end("2"), feeds.end("2"), feeds.find("other")]
    feeds.replace("1", "third")
    feeds.changed(feed, "late")  # by a request that began before
    return found, changed, ended, database["feeds"].find_one({})


def test_the_life_of_a_feed(database: Database[Document]) -> None:
    found, changed, ended, document = _life(database)
    assert (found, changed, ended, document) == _life(MemoryDatabase())
    assert [feed and feed.user for feed in found] == ["1", None, None, "1", "1"]
    assert [feed and feed.etag for feed in found] == [None, None, None, None, "version"]
    assert found[-1].changed_at == changed
    assert ended == [True, False, None]
    assert document.keys() == {"_id", "hash", "etag", "changed_at"}
    assert (document["_id"], len(document["hash"]), document["etag"]) == ("1", 64, None)
    assert "third" not in str(document)


@pytest.mark.parametrize("former", [False, True])
def test_of_secrets_that_are_made_at_once_one_lives(former: bool, database: Database[Document]) -> None:
    feeds = feeds_in(database, Clock())
    if former:
        feeds.replace("1", "former")
    secrets = [f"secret {number}" for number in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda secret: feeds.replace("1", secret), secrets))
    assert sum(feeds.find(secret) is not None for secret in ["former", *secrets]) == 1

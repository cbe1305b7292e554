"""The transitions on a real server, compared with the in-memory collection that the exploration uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from functions.backends.jobs import Jobs
from functions.common import transitions
from functions.common.config import load
from functions.common.settings import Periods
from functions.common.transitions import TABLE, Transition
from functions.common.values import Document, Moment
from tests.exploration.memory import MemoryCollection

NOW = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
TRYING = dict.fromkeys(("mail_keep_trying", "webhook_keep_trying"), 25 / 3600)  # three attempts of a mail, too
PERIODS = load(Periods, {}).replace(max_attempts=3, **TRYING)
FIELDS: dict[str, Any] = {
    "owner": "1",
    "email": "a@example.org",
    "filename": "$a.mp4",
    "options": {},
    "traceparent": None,
}
GIVEN = {
    "epoch": 0,
    "link_version": None,
    "next_link_version": 1,
    "retries": {"day": "2026-05-01", "jobs": 1, "spent": 4},
    "former": {"until": NOW, "length": 3},
    "token": "t",
    "run": 1,
    "holder": "h",
    "deadline": NOW + timedelta(seconds=20),
    "progress": 7,
    "seconds": 4,
    "retry_at": NOW + timedelta(seconds=30),
    "size": 5,
    "sha256": "$x",
    "message_id": "<m>",
    "gap": 60.0,
    "options": {"title": "$owner", "start": 0.0, "bitrate": 320},
    "announced_at": NOW - timedelta(seconds=40),
    "at": NOW - timedelta(seconds=5),
    "until": NOW,
    "mp3": {"file_id": "x.1", "length": 3, "sha256": "y", "duration": 1.5},
    "error": {"code": "c", "title": "$t"},
    "webhook": {"url": "https://example.org/$x", "state": "none", "attempts": 0},
    "due": NOW - timedelta(seconds=40),
    "answer": 503,
}


@pytest.fixture
def collection(database: Database[Document]) -> Collection[Document]:
    return database["jobs"]


def documents(row: Transition) -> list[Document]:
    """Return documents to which the transition applies, and others to which it does not."""
    past, future = NOW - timedelta(seconds=40), NOW + timedelta(seconds=40)
    made = []
    for state in {*row.source, transitions.READY, transitions.DELETING}:
        # A row that names the states of both would need more.
        for told in {*(row.mail or row.webhook or (transitions.NONE,)), transitions.SENT}:
            mail, webhook = (transitions.NONE, told) if row.webhook else (told, transitions.NONE)
            for moment in (past, future):
                for attempts in (1, 3):
                    about = {"token": "t", "until": moment, "attempts": attempts}
                    made.append(
                        {
                            "_id": f"{state}-{told}-{moment.second}-{attempts}",
                            "state": state,
                            "epoch": 0,
                            "attempts": attempts,
                            "progress": 3,
                            "lease": {"holder": "x", "until": moment},
                            "announced_at": past,
                            "announce_due": moment,
                            "retry_at": moment,
                            "mail": {"state": mail, "run": 1} | about,
                            "webhook": {"state": webhook, "due": moment, "retry_at": moment} | about,
                            "cleanup": {"at": GIVEN["at"], "until": GIVEN["until"]},
                            "expires": dict.fromkeys(("video", "mp3", "job"), moment),
                            "mp3": {"file_id": "x"},
                        }
                    )
    return made


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_transition_on_both(row: Transition, collection: Collection[Document]) -> None:
    """A transition changes the same documents in the same way in memory and on a server; some change, some do not."""
    outcomes = []
    for document in documents(row):
        memory = MemoryCollection([document])
        collection.insert_one(document)
        results = [
            Jobs(each, lambda: NOW, PERIODS).apply(row, document["_id"], **GIVEN)  # type: ignore[arg-type]
            for each in (memory, collection)
        ]
        assert results[0] == results[1]
        assert memory.find_one({"_id": document["_id"]}) == collection.find_one({"_id": document["_id"]})
        if results[0]:
            shown = transitions.result(row, Moment(NOW, PERIODS, GIVEN))
            assert all(_at(results[0], path) == value for path, value in shown.items())
        outcomes.append(results[0] is not None)
    assert set(outcomes) == {True, False}


def test_queries_on_both(collection: Collection[Document]) -> None:
    """Sweep's queries return the same."""
    memory = MemoryCollection()
    for row in TABLE:
        for document in documents(row):
            document["_id"] = f"{row.name}-{document['_id']}"
            memory.insert_one(document)
            collection.insert_one(document)
    stores = [Jobs(each, lambda: NOW, PERIODS) for each in (memory, collection)]  # type: ignore[arg-type]
    questions: tuple[Callable[[Jobs], Iterator[Document]], ...] = (
        lambda jobs: jobs.lease_expired(transitions.CONVERTING, 9999),
        lambda jobs: jobs.unannounced(9999),
        lambda jobs: jobs.mail_expired(transitions.CLAIMED, 9999),
        lambda jobs: jobs.webhook_expired(9999),
        lambda jobs: jobs.webhook_unannounced(9999),
        lambda jobs: jobs.uncleaned(9999),
        lambda jobs: jobs.expired("mp3", 9999),
    )
    for question in questions:
        found = [{job["_id"] for job in question(jobs)} for jobs in stores]
        assert found[0] == found[1] != set()


def test_one_of_many_claims_wins(collection: Collection[Document]) -> None:
    """Exactly one of many concurrent claims wins."""
    jobs = Jobs(collection, lambda: datetime.now(UTC), PERIODS)
    for number in range(20):
        jobs.receive(str(number), **FIELDS)
        assert jobs.apply(transitions.ACCEPT, str(number), epoch=0, size=1, sha256="x", options={})
    with ThreadPoolExecutor(8) as pool:
        claims = pool.map(lambda n: jobs.apply(transitions.CLAIM, str(n % 20), epoch=0, holder=str(n)), range(160))
    assert sum(claim is not None for claim in claims) == 20


def test_user_text_stays_text(collection: Collection[Document]) -> None:
    """A name that looks like a database field is only a name."""
    jobs = Jobs(collection, lambda: NOW, PERIODS)
    jobs.receive("a", **FIELDS)
    jobs.apply(transitions.ACCEPT, "a", epoch=0, size=1, sha256="$owner", options={"title": "$owner"})
    job = jobs.find("a")
    assert job is not None
    assert (job["filename"], job["sha256"], job["options"]) == ("$a.mp4", "$owner", {"title": "$owner"})


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value

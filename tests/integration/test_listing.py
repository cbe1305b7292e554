"""The list of a user's jobs on a real server: the same as in memory, and from one index."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from functions.backends.jobs import Jobs
from functions.common import ids
from functions.common.states import INTERNAL
from functions.common.values import Document
from tests.exploration.memory import MemoryCollection
from tests.integration.states import PERIODS
from tests.integration.test_sweep_scale import QueryRecorder

THEN = datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
NAMES = ("Talk.mp4", "talk 2.MOV", "Ümläut.mkv", "a+b (1).mp4", ".*", "$where", "語.mp4")


@pytest.fixture
def collection(database: Database[Document]) -> Collection[Document]:
    return database["jobs"]


def documents() -> list[Document]:
    """Return jobs of two users in every state, some of the same millisecond."""
    made = []
    for number in range(140):
        made.append(
            {
                "_id": ids.new(),
                "owner": "12"[number % 3 == 0],
                "state": [*INTERNAL.values(), "aborted", "deleting"][number % 7],
                "filename": NAMES[number // 4 % len(NAMES)],
                "created_at": THEN + timedelta(milliseconds=number // 8),
            }
        )
    return made


def test_pages_on_both(collection: Collection[Document]) -> None:
    """In memory and on a server, whole or page by page."""
    memory = MemoryCollection()
    for document in documents():
        memory.insert_one(document)
        collection.insert_one(document)
    stores = [Jobs(each, lambda: THEN, PERIODS) for each in (memory, collection)]  # type: ignore[arg-type]
    counts = []
    for states in ((), ("done",), ("ready", "failed")):
        for text in ("", "TALK", "+B (", ".*", "$", "ÜML", "語", "none"):
            pages = []
            for jobs in stores:
                found = whole = jobs.page("1", states, text, None, 1000)
                after: tuple[datetime, str] | None = None
                paged: list[Document] = []
                while found:
                    found = jobs.page("1", states, text, after, 7)
                    paged += found
                    after = (found[-1]["created_at"], found[-1]["_id"]) if found else after
                assert paged == whole
                pages.append([job["_id"] for job in whole])
            assert pages[0] == pages[1]
            counts.append(len(pages[0]))
    assert max(counts) > 60
    assert 0 in counts


@pytest.mark.parametrize("after", [None, (THEN + timedelta(milliseconds=9), ids.new())])
@pytest.mark.parametrize(
    ("states", "index"),
    [
        ((), "{'owner': 1, 'created_at': -1, '_id': -1}"),
        (("done",), "{'owner': 1, 'state': 1, 'created_at': -1, '_id': -1}"),
    ],
    ids=["any state", "one state"],
)
def test_an_index_serves_the_list(
    states: tuple[str, ...],
    index: str,
    after: tuple[datetime, str] | None,
    collection: Collection[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only jobs of the owner are read."""
    jobs = Jobs(collection, lambda: THEN, PERIODS)
    jobs.prepare()
    collection.insert_many(documents())
    asked: list[Document] = []
    find = Collection.find

    def recording(self: Collection[Document], query: Document) -> Any:
        asked.append(query)
        return find(self, query)

    monkeypatch.setattr(Collection, "find", recording)
    assert len(jobs.page("1", states, "", after, 5)) == 5
    [query] = asked
    explained = find(collection, query).sort([("created_at", -1), ("_id", -1)]).explain()
    plan = repr(explained["queryPlanner"]["winningPlan"])
    assert f"'keyPattern': {index}" in plan
    assert "COLLSCAN" not in plan


@pytest.mark.requires("MONGODB_URL" not in os.environ, "indexes of MongoDB's own server: set MONGODB_URL")
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda jobs: jobs.page("1", (), "", None, 5), "'owner': 1, 'created_at': -1"),
        (lambda jobs: jobs.page("1", (), "talk", None, 5), "'owner': 1, 'created_at': -1"),
        (lambda jobs: jobs.page("1", ("done",), "", None, 5), "'owner': 1, 'state': 1, 'created_at': -1"),
        (lambda jobs: jobs.page("1", ("done", "failed"), "", None, 5), "'owner': 1, 'state': 1, 'created_at': -1"),
        (lambda jobs: jobs.page("1", ("done",), "talk", None, 5), "'owner': 1, 'state': 1, 'created_at': -1"),
        (lambda jobs: jobs.with_mp3("1", 5), "'owner': 1, 'state': 1, 'created_at': -1"),
        (lambda jobs: list(jobs.finished("1", "x", 5)), "'owner': 1, 'sha256': 1, 'created_at': -1"),
        (lambda jobs: jobs.changed("1", THEN, 5), "'updated_at': 1, 'owner': 1"),
        (lambda jobs: jobs.waiting({"state": "ready", "mail.state": "none"}, 5), "'state': 1, 'mail.state': 1"),
    ],
    ids=range(9),
)
def test_an_index_of_its_own_server_serves_every_question(ask: Callable[[Jobs], Any], index: str) -> None:
    """In the order that is asked for. The tests' server uses no index where other fields are asked for too."""
    recorder, url = QueryRecorder(), os.environ["MONGODB_URL"]
    with pymongo.MongoClient[Document](url, tz_aware=True, event_listeners=[recorder]) as client:
        database = client[f"listing-{secrets.token_hex(4)}"]
        try:
            jobs = Jobs(database["jobs"], lambda: THEN, PERIODS)
            jobs.prepare()
            database["jobs"].insert_many(documents())
            ask(jobs)
            [query] = recorder.queries
            found = database.command("explain", query, verbosity="queryPlanner")["queryPlanner"]["winningPlan"]
        finally:
            client.drop_database(database.name)
    assert f"'keyPattern': {{{index}" in repr(found), found
    assert "COLLSCAN" not in repr(found)
    assert "'SORT'" not in repr(found)


def test_the_index_of_an_earlier_version_is_dropped(mongodb: str, database: Database[Document]) -> None:
    """The one that begins with it serves its queries, and is there before."""
    database["jobs"].create_index([("owner", 1), ("created_at", -1)])
    database["jobs"].insert_many(documents())
    recorder = QueryRecorder()
    with pymongo.MongoClient[Document](mongodb, tz_aware=True, event_listeners=[recorder]) as client:
        jobs = Jobs(client[database.name]["jobs"], lambda: THEN, PERIODS)
        asked: list[Callable[[], list[Document]]] = [
            lambda: list(jobs.counted("1")),
            lambda: list(jobs.owned("1", 1000)),
            lambda: jobs.page("1", (), "", None, 1000),
        ]
        before = [sorted(job["_id"] for job in each()) for each in asked]
        for _ in range(2):
            jobs.prepare()
            names = set(database["jobs"].index_information())
            assert "owner_1_created_at_-1" not in names
            assert {"_id_", "owner_1_created_at_-1__id_-1"} <= names
        recorder.queries.clear()
        assert [sorted(job["_id"] for job in each()) for each in asked] == before
    assert len(recorder.queries) == len(asked)
    for query in recorder.queries:
        plan = repr(database.command("explain", query, verbosity="queryPlanner")["queryPlanner"]["winningPlan"])
        assert "'keyPattern': {'owner': 1, " in plan, (query, plan)
        assert "COLLSCAN" not in plan, (query, plan)


def test_an_index_tells_what_has_changed(collection: Collection[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many jobs there are, only what has changed is read."""
    jobs = Jobs(collection, lambda: THEN, PERIODS)
    jobs.prepare()
    made = documents()
    for number, document in enumerate(made):
        document["updated_at"] = THEN + timedelta(seconds=number // 2)
    collection.insert_many(made)
    in_memory = Jobs(MemoryCollection(made), lambda: THEN, PERIODS)  # type: ignore[arg-type]
    asked: list[tuple[Document, ...]] = []
    find = Collection.find

    def recording(self: Collection[Document], *query: Document) -> Any:
        asked.append(query)
        return find(self, *query)

    monkeypatch.setattr(Collection, "find", recording)
    since = THEN + timedelta(seconds=50)
    found = jobs.changes_since(since, 20)
    assert [each["updated_at"] for each in found] == [since + timedelta(seconds=number // 2) for number in range(20)]
    assert sorted(found[0]) == ["_id", "owner", "updated_at"]
    for owner in ("1", "2", "3"):
        pages = [each.changed(owner, since, 1000) for each in (jobs, in_memory)]
        assert [{job["_id"] for job in page} for page in pages] == 2 * [{job["_id"] for job in pages[1]}]
    wanted = [made[3]["_id"], made[7]["_id"], ids.new()]
    assert [{job["_id"] for job in each.several(wanted)} for each in (jobs, in_memory)] == 2 * [set(wanted[:2])]
    plan = repr(find(collection, *asked[0]).sort("updated_at", 1).explain()["queryPlanner"]["winningPlan"])
    assert "'keyPattern': {'updated_at': 1, 'owner': 1, '_id': 1}" in plan
    assert "'SORT'" not in plan
    assert "'COLLSCAN'" not in plan

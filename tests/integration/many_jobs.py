"""Many jobs: documents created by real transitions and copied under new ids."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Any

from pymongo.database import Database

from functions.common import ids
from functions.common.values import Document
from functions.sweep.sweeper import Sweeper
from tests.integration import states
from tests.integration.states import Clock

INSERT_AT_ONCE = 2000

# For each kind of job that is due: how to create it, how long ago that was, and the transitions of a pass.
DUE: dict[str, tuple[Callable[[Sweeper], str], timedelta, Counter[str]]] = {
    "uploads that died": (states.received, timedelta(hours=1), Counter(abandon=1, clean_again=1)),
    "jobs not announced": (states.ready, timedelta(hours=1), Counter(announce_ready=1)),
    "conversions that died": (states.converting, timedelta(hours=1), Counter(expire=1)),
    "mails not sent": (states.claimed, timedelta(hours=1), Counter(expire_mail=1, clean_again=1)),
    "mails unanswered": (states.handing_over, timedelta(hours=1), Counter(lose_mail=1, clean_again=1)),
    "videos past their time": (states.done, timedelta(days=1.5), Counter(expire_video=1, cleaned=1)),
    "jobs deleted": (states.deleted, timedelta(hours=2), Counter(clean_again=1, forget=1)),
}
IDLE_FOR = timedelta(seconds=10)
IDLE = (states.received, states.ready, states.converting, states.claimed, states.handing_over, *(states.done,) * 15)


def fill(sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]], *, idle: int, due: int) -> Counter[str]:
    """Insert `idle` jobs that need nothing now and `due` jobs of each due kind; return the expected counts."""
    now = clock.now
    wanted: Counter[str] = Counter()
    stock: list[tuple[Document, int]] = []
    for make, ago, changes in DUE.values():
        clock.now = now - ago
        job_id = make(sweeper)
        if ago > timedelta(days=1):  # already cleaned up
            clock.advance(hours=2)
            states.sweep_once(sweeper), states.sweep_once(sweeper)
        stock.append((removed(database, job_id), due))
        wanted += Counter({name: count * due for name, count in changes.items()})
    clock.now = now - IDLE_FOR
    stock += [(removed(database, make(sweeper)), idle // len(IDLE)) for make in IDLE]
    clock.now = now
    copies = (copied(original) for original, count in stock for _ in range(count))
    while some := list(islice(copies, INSERT_AT_ONCE)):
        database["jobs"].insert_many(some, ordered=False)
    return wanted


def removed(database: Database[dict[str, Any]], job_id: str) -> Document:
    """Remove a job's document from the database and return it."""
    found: Document | None = database["jobs"].find_one_and_delete({"_id": job_id})
    assert found is not None
    return found


def copied(original: Document) -> Document:
    """Return a copy of a job under a new id."""
    job_id = ids.new()
    made = copy.deepcopy(original) | {"_id": job_id}
    if "mp3" in made:
        made["mp3"]["file_id"] = made["mp3"]["file_id"].replace(original["_id"], job_id)
    return made

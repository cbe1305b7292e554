"""Many jobs at once: documents that the real transitions made, copied under ids of their own."""

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
from tests.integration import lives
from tests.integration.lives import Clock

INSERT_AT_ONCE = 2000

# What a pass does about each kind of job that is due, and how long ago that job came to stand where it stands.
DUE: dict[str, tuple[Callable[[Sweeper], str], timedelta, Counter[str]]] = {
    "uploads that died": (lives.received, timedelta(hours=1), Counter(abandon=1, clean_again=1)),
    "jobs not announced": (lives.ready, timedelta(hours=1), Counter(announce_ready=1)),
    "conversions that died": (lives.converting, timedelta(hours=1), Counter(expire=1)),
    "mails not sent": (lives.claimed, timedelta(hours=1), Counter(expire_mail=1, clean_again=1)),
    "mails unanswered": (lives.handing_over, timedelta(hours=1), Counter(lose_mail=1, clean_again=1)),
    "videos past their time": (lives.done, timedelta(days=1.5), Counter(expire_video=1, cleaned=1)),
    "jobs deleted": (lives.deleted, timedelta(hours=2), Counter(clean_again=1, forget=1)),
}
RESTING_FOR = timedelta(seconds=10)
RESTING = (lives.received, lives.ready, lives.converting, lives.claimed, lives.handing_over, *(lives.done,) * 15)


def fill(sweeper: Sweeper, clock: Clock, database: Database[dict[str, Any]], *, resting: int, due: int) -> Counter[str]:
    """Insert so many jobs that need nothing now, and `due` of each kind that does; return what sweep should do."""
    now = clock.now
    wanted: Counter[str] = Counter()
    stock: list[tuple[Document, int]] = []
    for make, ago, changes in DUE.values():
        clock.now = now - ago
        job_id = make(sweeper)
        if ago > timedelta(days=1):  # cleaned up long since
            clock.passes(hours=2)
            lives.swept(sweeper), lives.swept(sweeper)
        stock.append((taken_out(database, job_id), due))
        wanted += Counter({name: count * due for name, count in changes.items()})
    clock.now = now - RESTING_FOR
    stock += [(taken_out(database, make(sweeper)), resting // len(RESTING)) for make in RESTING]
    clock.now = now
    copies = (copied(original) for original, count in stock for _ in range(count))
    while some := list(islice(copies, INSERT_AT_ONCE)):
        database["jobs"].insert_many(some, ordered=False)
    return wanted


def taken_out(database: Database[dict[str, Any]], job_id: str) -> Document:
    """Take a job's document out of the database."""
    found: Document | None = database["jobs"].find_one_and_delete({"_id": job_id})
    assert found is not None
    return found


def copied(original: Document) -> Document:
    """Return a copy of a job under an id of its own."""
    job_id = ids.new()
    made = copy.deepcopy(original) | {"_id": job_id}
    if "mp3" in made:
        made["mp3"]["file_id"] = made["mp3"]["file_id"].replace(original["_id"], job_id)
    return made

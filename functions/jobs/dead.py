"""Dead letters: list them, or replay them, which does for a job what the lost event was for and drops the letter.

In that order, because a crash in between leaves the letter, and replaying it again does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from functions.backends.dead_letters import MP3S_DEAD, VIDEOS_DEAD, DeadLetters, Letter
from functions.backends.jobs import Jobs
from functions.backends.queue import Queue
from functions.common.errors import GAVE_UP, Failure
from functions.common.transitions import DONE, FAILED, NONE, READY
from functions.common.values import Document
from functions.jobs import actions
from functions.jobs.actions import Queued

MAX_LISTED = 1000

POISON = "poison: not an event of this system"
GONE = "the job does not exist"
NOTHING = "nothing to do"


@dataclass(frozen=True)
class Entry:
    """A dead letter and its job; the job is None if the letter names none or it does not exist."""

    letter: Letter
    job: Document | None


def entries(letters: DeadLetters, jobs: Jobs) -> tuple[list[Entry], int]:
    """Return the first dead letters, and how many more there are."""
    found: list[Letter] = []
    more = 0

    def keep(letter: Letter) -> bool:
        nonlocal more
        if len(found) < MAX_LISTED:
            found.append(letter)
        else:
            more += 1
        return False

    letters.each(keep)
    return [Entry(letter, jobs.find(letter.job_id) if letter.job_id else None) for letter in found], more


def replay(
    job_id: str | None, *, letters: DeadLetters, jobs: Jobs, queue: Queue, report: Callable[[Letter, str], None]
) -> int:
    """Replay the dead letters of one job, or all; call `report` with each and what was done; return their number.

    Poison is dropped only with all letters. Raises Failure(UNAVAILABLE) at the first letter that cannot be replayed
    now; it stays, and so do those behind it.
    """
    replayed: dict[tuple[str, str | None], str] = {}
    count = 0

    def handle(letter: Letter) -> bool:
        nonlocal count
        if job_id is not None and letter.job_id != job_id:
            return False
        key = (letter.queue, letter.job_id)
        # Replay a job once, even if several letters name it: it may have failed again meanwhile.
        if key not in replayed:
            replayed[key] = _replay(letter, jobs, queue, named=job_id is not None)
        report(letter, replayed[key])
        count += 1
        return True

    letters.each(handle)
    return count


def _replay(letter: Letter, jobs: Jobs, queue: Queue, *, named: bool) -> str:
    """Do for a job what the letter's event was for; return what was done."""
    if letter.job_id is None:
        return POISON
    job = jobs.find(letter.job_id)
    if job is None:
        return GONE
    try:
        return _requeue(job, letter, jobs, queue, named=named)
    except Failure as failure:
        if not failure.kind.permanent:
            raise
        return failure.kind.title


def _requeue(job: Document, letter: Letter, jobs: Jobs, queue: Queue, *, named: bool) -> str:
    if job["state"] == READY or (letter.queue == VIDEOS_DEAD and _should_retry(job, named=named)):
        queued = actions.retry(job["_id"], owner=None, jobs=jobs, queue=queue)
        return _describe("queued" if job["state"] == READY else "queued again", queued)
    waits = {what for what in ("mail", "webhook") if job.get(what, {}).get("state") == NONE}
    if job["state"] in (DONE, FAILED) and waits:
        return _describe(f"{' and '.join(sorted(waits))} queued", Queued(job, queue.announce([job])))
    if letter.queue == MP3S_DEAD:
        again = actions.mail_again(job["_id"], owner=None, jobs=jobs, queue=queue)
        return _describe("mail queued again", again) if again else NOTHING
    return NOTHING


def _should_retry(job: Document, *, named: bool) -> bool:
    # Letters may be old: a job that failed because of its video would only fail again, and send another mail.
    return bool(job["state"] == FAILED and (named or job["error"]["code"] == GAVE_UP.code))


def _describe(what: str, queued: Queued) -> str:
    return what if queued.announced else f"{what}; sweep will announce it"

"""Dead letters, seen and replayed: the job gets what the lost event was to bring about, then the letter is dropped.

In that order: a crash in between leaves the letter, and replaying it once more does no harm.
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
from functions.jobs.actions import Told

MOST = 1000  # letters that are listed

POISON = "poison: no event of ours, so there is nothing to do"
GONE = "the job is gone"
NOTHING = "the job needs nothing"


@dataclass(frozen=True)
class Listed:
    """A dead letter beside its job; none when the letter names none, or one that is gone."""

    letter: Letter
    job: Document | None


def listed(letters: DeadLetters, jobs: Jobs) -> tuple[list[Listed], int]:
    """Return the first dead letters, and how many more there are."""
    found: list[Letter] = []
    more = 0

    def keep(letter: Letter) -> bool:
        nonlocal more
        if len(found) < MOST:
            found.append(letter)
        else:
            more += 1
        return False

    letters.each(keep)
    return [Listed(letter, jobs.find(letter.job_id) if letter.job_id else None) for letter in found], more


def replay(
    job_id: str | None, *, letters: DeadLetters, jobs: Jobs, queue: Queue, tell: Callable[[Letter, str], None]
) -> int:
    """Replay the dead letters about one job, or all of them; `tell` hears of each what was done. Return how many.

    Only all of them include poison. Raises Failure(UNAVAILABLE) at the first letter for which nothing can be done now:
    it stays, and so do those behind it.
    """
    replayed: dict[tuple[str, str | None], str] = {}
    count = 0

    def settle(letter: Letter) -> bool:
        nonlocal count
        if job_id is not None and letter.job_id != job_id:
            return False
        about = (letter.queue, letter.job_id)
        # Several letters ask for the same thing, and a job that was set back may have failed anew meanwhile.
        if about not in replayed:
            replayed[about] = _do(letter, jobs, queue, named=job_id is not None)
        tell(letter, replayed[about])
        count += 1
        return True

    letters.each(settle)
    return count


def _do(letter: Letter, jobs: Jobs, queue: Queue, *, named: bool) -> str:
    """Give a job what the letter was to bring about; say what that was."""
    if letter.job_id is None:
        return POISON
    job = jobs.find(letter.job_id)
    if job is None:
        return GONE
    try:
        return _set_back(job, letter, jobs, queue, named=named)
    except Failure as failure:
        if not failure.kind.permanent:
            raise
        return failure.kind.title


def _set_back(job: Document, letter: Letter, jobs: Jobs, queue: Queue, *, named: bool) -> str:
    if job["state"] == READY or (letter.queue == VIDEOS_DEAD and _to_be_retried(job, named=named)):
        told = actions.retry(job["_id"], owner=None, jobs=jobs, queue=queue)
        return _said("queued" if job["state"] == READY else "queued again", told)
    if job["state"] in (DONE, FAILED) and job["mail"]["state"] == NONE:
        return _said("its mail is sent", Told(job, queue.announce([job])))
    if letter.queue == MP3S_DEAD:
        again = actions.mail_again(job["_id"], owner=None, jobs=jobs, queue=queue)
        return _said("its mail is sent again", again) if again else NOTHING
    return NOTHING


def _to_be_retried(job: Document, *, named: bool) -> bool:
    # Letters outlive their cause: a job that failed by its video's fault would only fail, and be mailed about, again.
    return bool(job["state"] == FAILED and (named or job["error"]["code"] == GAVE_UP.code))


def _said(what: str, told: Told) -> str:
    return what if told.announced else f"{what}, once sweep has announced it"

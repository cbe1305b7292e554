"""Dead letters: listed with their jobs, and replayed by what the job needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from functions.backends.dead_letters import MP3S_DEAD, VIDEOS_DEAD, Letter
from functions.common import errors, ids, transitions
from functions.common.errors import GAVE_UP, Failure
from functions.common.values import Document
from functions.jobs import dead
from functions.jobs.dead import GONE, NOTHING, POISON, Entry
from tests.exploration.memory import MemoryCollection
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit.in_memory import MemoryLetters, System

QUEUED, AGAIN = "queued", "queued again"
MAIL, MAIL_AGAIN = "mail queued", "mail queued again"
WEBHOOK, BOTH = "webhook queued", "mail and webhook queued"
LATER = "; sweep will announce it"


@pytest.fixture
def system() -> System:
    return System()


def letter(queue: str, job_id: str | None) -> Letter:
    return Letter(queue, job_id, "rejected", None, b"", 0)


def failed(system: System, code: str, mail: str) -> str:
    """Return a job that failed for this reason."""
    job_id = states.converting(system.sweeper)
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error={"code": code, "title": "t"})
    return states.mailed(system.sweeper, job_id, mail)


def done(system: System, mail: str) -> str:
    return states.mailed(system.sweeper, states.finished(system.sweeper), mail)


def asking(system: System) -> str:
    """Return a job whose mail was sent, and whose webhook waits."""
    return states.mailed(system.sweeper, states.asking(system.sweeper), "sent")


def expired(system: System) -> str:
    """Return a job that was given up and whose video has expired."""
    job_id = failed(system, GAVE_UP.code, "sent")
    system.clock.advance(days=PERIODS.video_keep_days)
    states.take(system.sweeper, transitions.EXPIRE_VIDEO, job_id, epoch=1)
    return job_id


def replay(system: System, *letters: Letter, job_id: str | None = None) -> tuple[list[str], list[Letter]]:
    """Replay letters; return the result of each, and the letters that are left."""
    results: list[tuple[Letter, str]] = []
    dead_letters = MemoryLetters(letters)
    count = dead.replay(
        job_id,
        letters=dead_letters,
        jobs=system.jobs,
        queue=system.queue,
        report=lambda letter, operation: results.append((letter, operation)),
    )
    assert count == len(results)
    assert [letter for letter, _ in results] == [each for each in letters if each not in dead_letters.letters]
    return [operation for _, operation in results], dead_letters.letters


Make = Callable[[System], str]
CASES: dict[str, tuple[Make, str, str, str | None]] = {
    # the job: how it is made, what a letter in videos.dead and one in mp3s.dead do, and the event sent
    "uploading": (lambda system: states.received(system.sweeper), NOTHING, NOTHING, None),
    "queued": (lambda system: states.ready(system.sweeper), QUEUED, QUEUED, "uploaded"),
    "converting": (lambda system: states.converting(system.sweeper), NOTHING, NOTHING, None),
    "aborted": (lambda system: states.aborted(system.sweeper), NOTHING, NOTHING, None),
    "done, mail not sent": (lambda system: done(system, "none"), MAIL, MAIL, "ready"),
    "done, webhook not sent": (asking, WEBHOOK, WEBHOOK, "ready"),
    "done, neither sent": (lambda system: states.asking(system.sweeper), BOTH, BOTH, "ready"),
    "done, mail claimed": (lambda system: done(system, "claimed"), NOTHING, NOTHING, None),
    "done, mail sent": (lambda system: done(system, "sent"), NOTHING, NOTHING, None),
    "done, mail unknown": (lambda system: done(system, "unknown"), NOTHING, NOTHING, None),
    "failed by its video, mail not sent": (lambda system: failed(system, "no_audio", "none"), MAIL, MAIL, "failed"),
    "failed by its video, mail sent": (lambda system: failed(system, "no_audio", "sent"), NOTHING, NOTHING, None),
    "expired": (expired, errors.VIDEO_EXPIRED.title, NOTHING, None),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("queue", [VIDEOS_DEAD, MP3S_DEAD])
def test_a_letter_does_what_its_job_needs(queue: str, case: str, system: System) -> None:
    make, of_videos, of_mp3s, event = CASES[case]
    job_id = make(system)
    operation = of_videos if queue == VIDEOS_DEAD else of_mp3s
    assert replay(system, letter(queue, job_id)) == ([operation], [])
    assert system.queue.published == ([(event, job_id)] if event else [])


@pytest.mark.parametrize("make", [lambda system: done(system, "failed"), lambda system: failed(system, "x", "failed")])
def test_a_failed_mail_is_sent_again_by_its_own_letter(make: Make, system: System) -> None:
    job_id = make(system)
    assert replay(system, letter(VIDEOS_DEAD, job_id))[0] == [NOTHING]
    assert replay(system, letter(MP3S_DEAD, job_id))[0] == [MAIL_AGAIN]
    assert (system.document(job_id)["mail"]["run"], len(system.queue.published)) == (2, 1)


@pytest.mark.parametrize(
    ("code", "named", "operation"),
    [
        (GAVE_UP.code, False, AGAIN),
        (GAVE_UP.code, True, AGAIN),
        ("no_audio", False, NOTHING),
        ("no_audio", True, AGAIN),
    ],
)
def test_a_job_that_failed_because_of_its_video_is_only_retried_by_name(
    code: str, named: bool, operation: str, system: System
) -> None:
    job_id = failed(system, code, "sent")
    assert replay(system, letter(VIDEOS_DEAD, job_id), job_id=job_id if named else None) == ([operation], [])
    assert system.document(job_id)["state"] == ("failed" if operation == NOTHING else "ready")


def test_letters_without_a_job_are_only_dropped_with_all_others(system: System) -> None:
    job_id, unknown = states.ready(system.sweeper), ids.new()
    letters = letter(VIDEOS_DEAD, None), letter(MP3S_DEAD, unknown), letter(VIDEOS_DEAD, job_id)
    assert replay(system, *letters, job_id=job_id) == ([QUEUED], list(letters[:2]))
    assert replay(system, *letters, job_id=unknown) == ([GONE], [letters[0], letters[2]])
    assert replay(system, *letters) == ([POISON, GONE, QUEUED], [])


def test_several_letters_about_a_job_are_replayed_once(system: System) -> None:
    """Between two letters, the job may have failed again."""
    job_id = failed(system, GAVE_UP.code, "sent")
    letters = [letter(VIDEOS_DEAD, job_id)] * 3
    assert replay(system, *letters) == ([AGAIN] * 3, [])
    assert system.queue.published == [("uploaded", job_id)]
    assert system.document(job_id)["epoch"] == 2


def test_letters_in_both_queues_are_replayed_separately(system: System) -> None:
    job_id = failed(system, GAVE_UP.code, "failed")
    assert replay(system, letter(MP3S_DEAD, job_id), letter(VIDEOS_DEAD, job_id))[0] == [MAIL_AGAIN, AGAIN]


@pytest.mark.parametrize(
    ("make", "queue", "operation"),
    [
        (lambda system: states.ready(system.sweeper), VIDEOS_DEAD, QUEUED),
        (lambda system: failed(system, GAVE_UP.code, "sent"), VIDEOS_DEAD, AGAIN),
        (lambda system: done(system, "none"), MP3S_DEAD, MAIL),
        (lambda system: done(system, "failed"), MP3S_DEAD, MAIL_AGAIN),
    ],
)
def test_without_a_broker_sweep_announces_the_job(make: Make, queue: str, operation: str, system: System) -> None:
    """The letter can be dropped, because its effect is stored."""
    job_id = make(system)
    system.queue.down = True
    assert replay(system, letter(queue, job_id)) == ([operation + LATER], [])
    assert system.document(job_id)["announce_due"]


class FailingCollection(MemoryCollection):
    """Documents of which one cannot be read, and another cannot be changed."""

    unseen = unchanged = ""

    def find_one(self, query: Document, projection: Any = None, sort: Any = None) -> Document | None:
        """Find it, or fail."""
        if query["_id"] == self.unseen:
            raise AutoReconnect("no answer")
        return super().find_one(query, projection, sort)

    def find_one_and_update(self, query: Document, update: Document, return_document: bool = True) -> Document | None:
        """Change it, or fail."""
        if query["_id"] == self.unchanged:
            raise AutoReconnect("no answer")
        return super().find_one_and_update(query, update)


@pytest.mark.parametrize("trouble", ["unseen", "unchanged"])
def test_if_replaying_fails_all_letters_stay(trouble: str) -> None:
    documents = FailingCollection()
    system = System(collection=documents)
    first, broken, last = (failed(system, GAVE_UP.code, "sent") for _ in range(3))
    setattr(documents, trouble, broken)
    letters = MemoryLetters([letter(VIDEOS_DEAD, each) for each in (first, broken, last)])
    with pytest.raises(Failure) as failure:
        dead.replay(None, letters=letters, jobs=system.jobs, queue=system.queue, report=lambda letter, operation: None)
    assert failure.value.kind is errors.UNAVAILABLE
    assert [each.job_id for each in letters.letters] == [broken, last]
    assert system.queue.published == [("uploaded", first)]


def test_letters_are_listed_with_their_jobs(system: System) -> None:
    job_id = states.ready(system.sweeper)
    letters = [letter(VIDEOS_DEAD, job_id), letter(VIDEOS_DEAD, None), letter(MP3S_DEAD, ids.new())]
    dead_letters = MemoryLetters(letters)
    found = [Entry(letters[0], system.document(job_id)), Entry(letters[1], None), Entry(letters[2], None)]
    assert dead.entries(dead_letters, system.jobs) == (found, 0)
    assert dead_letters.letters == letters


@pytest.mark.parametrize(("number", "listed", "more"), [(0, 0, 0), (1000, 1000, 0), (1001, 1000, 1), (1500, 1000, 500)])
def test_no_more_than_a_thousand_are_listed(number: int, listed: int, more: int, system: System) -> None:
    letters = [Letter(VIDEOS_DEAD, None, "rejected", None, b"%d" % each, 4) for each in range(number)]
    found, rest = dead.entries(MemoryLetters(letters), system.jobs)
    assert [each.letter for each in found] == letters[:listed]
    assert rest == more

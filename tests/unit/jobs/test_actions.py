"""Actions: what is allowed in each state of a job, for whom, and while it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from functions.backends.files import MP3S
from functions.backends.jobs import Jobs
from functions.common import errors, ids, transitions
from functions.common.errors import Failure
from functions.common.transitions import Transition
from functions.common.values import Document
from functions.jobs import actions
from functions.sweep.sweeper import Sweeper
from tests.exploration.memory import MemoryCollection
from tests.integration import states
from tests.integration.states import IN_STATE, PERIODS
from tests.unit.in_memory import System, UnreliableCollection

OWNER, STRANGER = "1", "2"


@pytest.fixture
def system() -> System:
    return System()


def made(system: System, state: str) -> str:
    """Return a job in this state."""
    return IN_STATE[state](system.sweeper)


def retry(system: System, job_id: str, owner: str | None = OWNER, jobs: Jobs | None = None) -> actions.Queued:
    return actions.retry(job_id, owner=owner, jobs=jobs or system.jobs, queue=system.queue)


def mail_again(system: System, job_id: str, owner: str | None = OWNER) -> actions.Queued | None:
    return actions.mail_again(job_id, owner=owner, jobs=system.jobs, queue=system.queue)


def send_mail(system: System, job_id: str, owner: str | None = OWNER) -> actions.Queued:
    return actions.send_mail(job_id, owner=owner, jobs=system.jobs, queue=system.queue)


def revoke(system: System, job_id: str, owner: str | None = OWNER, jobs: Jobs | None = None) -> None:
    actions.revoke_links(job_id, owner=owner, jobs=jobs or system.jobs)


def delete(system: System, job_id: str, owner: str | None = OWNER, jobs: Jobs | None = None) -> None:
    actions.delete(job_id, owner=owner, jobs=jobs or system.jobs, files=system.files)


def refusal(act: Callable[..., object], *arguments: Any) -> Failure:
    """Return why an action was refused."""
    with pytest.raises(Failure) as failure:
        act(*arguments)
    return failure.value


@pytest.mark.parametrize("state", ["receiving", "converting", "done", "aborted"])
def test_only_a_failed_job_is_converted_again(state: str, system: System) -> None:
    """The error names the state, and nothing changes."""
    job_id = made(system, state)
    before = system.document(job_id)
    refused = refusal(retry, system, job_id)
    assert (refused.kind, refused.more) == (errors.NOT_FAILED, {"state": state})
    assert system.document(job_id) == before
    assert system.queue.published == []


def test_a_waiting_job_is_announced_and_not_changed(system: System) -> None:
    """An additional event is harmless."""
    job_id = made(system, "ready")
    before = system.document(job_id)
    queued = retry(system, job_id)
    assert (queued.job, queued.announced) == (before, True)
    assert system.document(job_id) == before
    assert system.queue.published == [("uploaded", job_id)]


def test_a_failed_job_begins_again(system: System) -> None:
    """With new attempts, a new mail, and without the old error."""
    job_id = made(system, "failed")
    queued = retry(system, job_id)
    job = system.document(job_id)
    assert (queued.job, queued.announced) == (job, True)
    assert (job["state"], job["epoch"], job["attempts"], job["progress"]) == ("ready", 2, 0, 0)
    assert job["mail"] == {"state": "none", "run": 2, "attempts": 0}
    assert job.keys().isdisjoint({"error", "expires", "cleanup", "retry_at", "lease"})
    assert system.queue.published == [("uploaded", job_id)]


def test_leftovers_of_the_first_conversion_are_deleted_after_the_second(system: System) -> None:
    job_id = made(system, "failed")
    retry(system, job_id)
    states.take(system.sweeper, transitions.CLAIM, job_id, epoch=2, holder="h")
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=3, error={"code": "c", "title": "t"})
    assert system.stored()["mp3s.files"] == {f"{job_id}.1"}
    system.clock.advance(seconds=PERIODS.announce_gap)
    states.sweep_once(system.sweeper)
    assert system.stored() == {
        "videos.files": {job_id},
        "videos.chunks": {job_id},
        "mp3s.files": set(),
        "mp3s.chunks": set(),
    }


def test_a_retry_that_cannot_be_announced_is_stored(system: System) -> None:
    job_id = made(system, "failed")
    system.queue.down = True
    queued = retry(system, job_id)
    assert (queued.announced, system.document(job_id)["state"]) == (False, "ready")
    assert system.document(job_id)["announce_due"] == system.jobs.after(PERIODS.announce_gap)


def test_without_its_video_there_is_nothing_to_convert(system: System) -> None:
    """Until it is marked as expired, it exists."""
    first, second = made(system, "failed"), made(system, "failed")
    system.clock.advance(days=PERIODS.video_keep_days)
    assert retry(system, first).job["state"] == "ready"
    states.sweep_once(system.sweeper)
    assert refusal(retry, system, second).kind is errors.VIDEO_EXPIRED
    assert system.document(second)["state"] == "failed"
    assert system.stored()["videos.files"] == {first}


@pytest.mark.parametrize("act", [retry, mail_again, revoke, delete])
@pytest.mark.parametrize("state", IN_STATE)
def test_another_users_job_is_unknown(state: str, act: Callable[..., object], system: System) -> None:
    job_id = made(system, state)
    before = system.document(job_id)
    assert refusal(act, system, job_id, STRANGER).kind is errors.NOT_FOUND
    assert refusal(act, system, ids.new()).kind is errors.NOT_FOUND
    assert (system.document(job_id), system.queue.published) == (before, [])


def test_links_are_revoked_as_often_as_wanted(system: System) -> None:
    """Nothing else of the job changes; one that was never revoked has no version."""
    job_id = made(system, "done")
    before = system.document(job_id)
    assert "link_version" not in before
    for version in (1, 2):
        revoke(system, job_id)
        assert system.document(job_id) == before | {"link_version": version}


@pytest.mark.parametrize("state", sorted(IN_STATE.keys() - {"done"}))
def test_a_job_that_is_not_done_has_no_links(state: str, system: System) -> None:
    job_id = made(system, state)
    before = system.document(job_id)
    assert refusal(revoke, system, job_id).kind is errors.NO_LINK
    assert system.document(job_id) == before


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_lost_answer_to_a_revocation(fault: str) -> None:
    """Whether it was made is read again: the links are revoked once."""
    documents = UnreliableCollection()
    system = System(collection=documents)
    job_id = made(system, "done")
    documents.faults = [fault]
    revoke(system, job_id)
    assert system.document(job_id)["link_version"] == 1


def test_two_revocations_at_once(system: System) -> None:
    """The one that comes second reads the job again."""
    job_id = made(system, "done")

    class Overtaken(Jobs):
        def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
            if system.document(job_id).get("link_version") is None:
                revoke(system, job_id)
            return super().apply(row, job_id, **given)

    revoke(system, job_id, jobs=Overtaken(system.jobs._collection, system.clock, PERIODS))
    assert system.document(job_id)["link_version"] == 2


@pytest.mark.parametrize("state", IN_STATE)
def test_an_operator_deletes_any_job_with_its_files(state: str, system: System) -> None:
    """The document says when the files are checked again; files of other jobs are kept."""
    job_id, other = made(system, state), made(system, "done")
    before = system.document(job_id)
    delete(system, job_id, None)
    job = system.document(job_id)
    assert (job["state"], job["epoch"]) == ("deleting", before["epoch"] + 1)
    assert job["cleanup"].keys() == {"at", "until"}
    assert system.stored() == {
        "videos.files": {other},
        "videos.chunks": {other},
        "mp3s.files": {f"{other}.1"},
        "mp3s.chunks": {f"{other}.1"},
    }
    for act in (retry, mail_again, delete):
        assert refusal(act, system, job_id, None).kind is errors.NOT_FOUND


def test_files_of_every_epoch_are_deleted(system: System) -> None:
    """Including the file that a conversion may be writing."""
    job_id = made(system, "failed")
    retry(system, job_id)
    states.take(system.sweeper, transitions.CLAIM, job_id, epoch=2, holder="h")
    states.store(system.sweeper, MP3S, f"{job_id}.3")
    assert system.stored()["mp3s.files"] == {f"{job_id}.1", f"{job_id}.3"}
    delete(system, job_id)
    assert not any(system.stored().values())


class UndeletableCollection(MemoryCollection):
    """Documents that cannot be deleted."""

    def delete_many(self, query: Document) -> None:
        """Fail."""
        raise AutoReconnect("no answer")


def test_undeletable_files_do_not_keep_the_job(system: System) -> None:
    job_id = made(system, "done")
    system.database["videos.files"] = UndeletableCollection()
    delete(system, job_id)
    assert system.document(job_id)["state"] == "deleting"
    assert system.stored()["mp3s.files"] == {f"{job_id}.1"}


class ChangingJobs(Jobs):
    """Jobs that are claimed and handed back just before one of our transitions, this many times."""

    def __init__(self, system: System, row: Transition, turns: int) -> None:
        super().__init__(system.jobs._collection, system.clock, PERIODS)
        self.row = row
        self.turns = turns

    def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
        """Change the job first."""
        if row is self.row and self.turns:
            self.turns -= 1
            assert super().apply(transitions.CLAIM, job_id, epoch=given["epoch"], holder="h")
            assert super().apply(transitions.HAND_BACK, job_id, epoch=given["epoch"] + 1)
        return super().apply(row, job_id, **given)


@pytest.mark.parametrize(("turns", "deleted"), [(1, True), (9, True), (10, False), (99, False)])
def test_a_job_that_changes_during_a_delete(turns: int, deleted: bool, system: System) -> None:
    """Each change requires another attempt; after a few, the job is left complete."""
    job_id = made(system, "ready")
    changing = ChangingJobs(system, transitions.DELETE, turns)
    if deleted:
        delete(system, job_id, jobs=changing)
        assert changing.turns == 0
    else:
        with pytest.raises(Failure) as failure:
            delete(system, job_id, jobs=changing)
        assert failure.value.kind is errors.UNAVAILABLE
        assert system.stored()["videos.files"] == {job_id}
    assert system.document(job_id)["state"] == ("deleting" if deleted else "ready")


def test_an_overtaken_retry_announces_the_job(system: System) -> None:
    """Both wanted the same."""

    class OvertakenJobs(Jobs):
        def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
            assert super().apply(row, job_id, **given)
            return super().apply(row, job_id, **given)

    job_id = made(system, "failed")
    queued = retry(system, job_id, jobs=OvertakenJobs(system.jobs._collection, system.clock, PERIODS))
    assert (queued.job["epoch"], queued.announced) == (2, True)
    assert system.queue.published == [("uploaded", job_id)]


@pytest.mark.parametrize("end", [states.finished, states.failed])
@pytest.mark.parametrize("mail", states.MAILED)
def test_only_a_failed_mail_is_sent_again(mail: str, end: Callable[[Sweeper], str], system: System) -> None:
    """Mails that were or may have been sent are not sent again; mails that will be sent need nothing."""
    job_id = states.mailed(system.sweeper, end(system.sweeper), mail)
    before = system.document(job_id)
    queued = mail_again(system, job_id)
    if mail != "failed":
        assert queued is None
        assert (system.document(job_id), system.queue.published) == (before, [])
        return
    job = system.document(job_id)
    assert queued == actions.Queued(job, announced=True)
    assert job["mail"] == {"state": "none", "run": 2, "attempts": 0}
    assert system.queue.published == [("ready" if end is states.finished else "failed", job_id)]


@pytest.mark.parametrize("end", [states.finished, states.failed])
@pytest.mark.parametrize("mail", ["sent", "unknown", "failed"])
def test_a_mail_is_sent_again_on_request(mail: str, end: Callable[[Sweeper], str], system: System) -> None:
    job_id = states.mailed(system.sweeper, end(system.sweeper), mail)
    assert send_mail(system, job_id) == actions.Queued(system.document(job_id), announced=True)
    assert system.document(job_id)["mail"] == {"state": "none", "run": 2, "attempts": 0}
    assert system.queue.published == [("ready" if end is states.finished else "failed", job_id)]


def test_a_mail_that_waits_is_announced_again(system: System) -> None:
    job_id = states.finished(system.sweeper)
    assert send_mail(system, job_id).job["mail"]["run"] == 1
    assert system.queue.published == [("ready", job_id)]


@pytest.mark.parametrize("mail", ["claimed", "handing_over"])
def test_a_mail_that_is_being_sent_is_left_alone(mail: str, system: System) -> None:
    job_id = states.mailed(system.sweeper, states.finished(system.sweeper), mail)
    assert refusal(send_mail, system, job_id).kind is errors.MAIL_ON_ITS_WAY
    assert system.queue.published == []


@pytest.mark.parametrize("state", ["receiving", "ready", "converting", "aborted"])
def test_the_mail_of_an_unfinished_job_cannot_be_sent(state: str, system: System) -> None:
    assert refusal(send_mail, system, made(system, state)).kind is errors.NOT_READY
    assert refusal(send_mail, system, states.finished(system.sweeper), "another").kind is errors.NOT_FOUND


@pytest.mark.parametrize("state", ["receiving", "ready", "converting", "aborted"])
def test_an_unfinished_job_has_no_mail(state: str, system: System) -> None:
    job_id = made(system, state)
    system.database["jobs"].documents[job_id]["mail"]["state"] = "failed"
    assert mail_again(system, job_id) is None
    assert system.queue.published == []

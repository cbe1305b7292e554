"""Actions: what is allowed in each state of a job, for whom, and while it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from functions.backends.files import MP3S
from functions.backends.jobs import Jobs
from functions.common import errors, ids, transitions
from functions.common import states as states_of
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.options import Options
from functions.common.settings import Quotas
from functions.common.transitions import Transition
from functions.common.values import Document
from functions.jobs import actions
from functions.sweep.sweeper import Sweeper
from tests.exploration.memory import MemoryCollection
from tests.integration import states
from tests.integration.states import IN_STATE, PERIODS
from tests.unit.in_memory import System, UnreliableCollection

OWNER, STRANGER = "1", "2"
OTHER = Options(bitrate=64)
LIMITS = load(Quotas, {})


@pytest.fixture
def system() -> System:
    return System()


def made(system: System, state: str) -> str:
    """Return a job in this state."""
    return IN_STATE[state](system.sweeper)


def retry(system: System, job_id: str, owner: str | None = OWNER, jobs: Jobs | None = None) -> actions.Queued:
    return actions.retry(job_id, owner=owner, jobs=jobs or system.jobs, queue=system.queue)


def convert_again(system: System, job_id: str, owner: str | None = OWNER, jobs: Jobs | None = None) -> actions.Queued:
    """Retry a job with another bitrate, as its owner may."""
    again = actions.Again(OTHER, system.usage, LIMITS)
    return actions.retry(job_id, owner=owner, jobs=jobs or system.jobs, queue=system.queue, again=again)


def counts(system: System) -> dict[str, Any]:
    """Return what is counted of the owner's quotas, and the places."""
    found: dict[str, Any] = system.database["usage"].documents.get(OWNER, {})
    return {name: found.get(name) for name in ("open", "bytes", "jobs", "seconds", "pending")}


def mail_again(system: System, job_id: str, owner: str | None = OWNER) -> actions.Queued | None:
    return actions.mail_again(job_id, owner=owner, jobs=system.jobs, queue=system.queue)


def send_mail(system: System, job_id: str, owner: str | None = OWNER) -> actions.Queued:
    return actions.send_mail(job_id, owner=owner, jobs=system.jobs, queue=system.queue)


def send_webhook(system: System, job_id: str, owner: str | None = OWNER) -> actions.Queued:
    return actions.send_webhook(
        job_id, owner=owner, jobs=system.jobs, queue=system.queue, address=lambda job: job["webhook"].get("url")
    )


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
    refused = refusal(retry, system, job_id, None)
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
    assert job.keys().isdisjoint({"error", "expires", "retry_at", "lease"})
    assert "at" not in job["cleanup"]
    assert job["retries"]["jobs"] == 0, "an operator's retry is none of the user's jobs"
    assert system.queue.published == [("uploaded", job_id)]
    assert system.database["usage"].documents == {}


@pytest.mark.parametrize("state", ["done", "failed"])
def test_its_owner_has_an_ended_job_converted_with_other_options(state: str, system: System) -> None:
    """It is one more job of the day, and open."""
    job_id = made(system, state)
    system.usage.count_again(OWNER)
    before = counts(system)
    queued = convert_again(system, job_id)
    job = system.document(job_id)
    assert (queued.job, queued.announced) == (job, True)
    assert (job["state"], job["epoch"], job["options"]) == ("ready", 2, {"bitrate": 64})
    assert job["mail"] == {"state": "none", "run": 2, "attempts": 0}
    assert job.keys().isdisjoint({"error", "mp3", "expires"})
    assert counts(system) == before | {"open": 1, "jobs": 2}
    system.usage.count_again(OWNER)
    assert counts(system) == before | {"open": 1, "jobs": 2}, "the same when counted anew"
    assert system.queue.published == [("uploaded", job_id)]


def test_without_options_those_of_before_are_used_again(system: System) -> None:
    job_id = made(system, "failed")
    convert_again(system, job_id)
    states.take(system.sweeper, transitions.CLAIM, job_id, epoch=2, holder="h")
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=3, error={"code": "c", "title": "t"})
    again = actions.Again(None, system.usage, LIMITS)
    actions.retry(job_id, owner=OWNER, jobs=system.jobs, queue=system.queue, again=again)
    assert system.document(job_id)["options"] == {"bitrate": 64}
    assert system.document(job_id)["retries"]["jobs"] == 2


@pytest.mark.parametrize("state", ["receiving", "ready", "converting"])
def test_a_job_that_has_not_ended_keeps_its_options(state: str, system: System) -> None:
    job_id = made(system, state)
    before = system.document(job_id)
    refused = refusal(convert_again, system, job_id)
    assert (refused.kind, refused.more) == (errors.NOT_ENDED, {"state": states_of.public(state)})
    assert system.document(job_id) == before
    assert counts(system)["open"] is None


def test_the_same_retry_twice_counts_once(system: System) -> None:
    """The first answer was lost: the second call announces the job."""
    job_id = made(system, "done")
    convert_again(system, job_id)
    before = counts(system)
    convert_again(system, job_id)
    assert (counts(system), system.document(job_id)["mail"]["run"]) == (before, 2)
    assert system.queue.published == 2 * [("uploaded", job_id)]


@pytest.mark.attack("B19")
def test_a_retry_needs_room_in_the_quotas(system: System) -> None:
    """What has no place is not begun."""
    job_id = made(system, "done")
    system.usage.count_again(OWNER)
    again = actions.Again(OTHER, system.usage, LIMITS.replace(jobs_a_day=1))
    with pytest.raises(Failure) as failure:
        actions.retry(job_id, owner=OWNER, jobs=system.jobs, queue=system.queue, again=again)
    assert failure.value.kind is errors.QUOTA_JOBS
    assert failure.value.headers["RateLimit"].startswith('"jobs-at-once"')
    assert system.document(job_id)["state"] == "done"
    assert counts(system)["pending"] == {}


def test_an_overtaken_retry_gives_its_place_back(system: System) -> None:
    class Overtaken(Jobs):
        def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
            if row is transitions.RETRY and system.document(job_id)["state"] == "done":
                convert_again(system, job_id)
            return super().apply(row, job_id, **given)

    job_id = made(system, "done")
    system.usage.count_again(OWNER)
    convert_again(system, job_id, jobs=Overtaken(system.jobs._collection, system.clock, PERIODS))
    assert counts(system) == {"open": 1, "jobs": 2, "bytes": 10, "seconds": 0, "pending": {}}


@pytest.mark.parametrize(("fault", "began"), [("before", False), ("after", True)])
def test_a_place_whose_retry_is_unknown_is_left_to_the_next_count(fault: str, began: bool) -> None:
    """It counts as one more job while nobody knows, and as what became of it afterwards."""
    documents = UnreliableCollection()
    system = System(collection=documents)
    job_id = made(system, "done")
    system.usage.count_again(OWNER)
    lost = AutoReconnect("no answer")

    class Blind(Jobs):
        def _read_again(self, job_id: str, error: Any) -> Document | None:
            raise Failure(errors.UNAVAILABLE) from lost

    documents.faults = [fault]
    blind = Blind(system.jobs._collection, system.clock, PERIODS)
    assert refusal(convert_again, system, job_id, OWNER, blind).kind is errors.UNAVAILABLE
    [place] = counts(system)["pending"]
    assert (counts(system)["open"], place.rpartition(":")[0]) == (1, f"{job_id}:1")
    system.usage.count_again(OWNER)
    assert (counts(system)["open"], counts(system)["jobs"]) == (1, 2)
    assert bool(counts(system)["pending"]) is not began
    system.clock.advance(seconds=PERIODS.upload_lease)
    system.usage.count_again(OWNER)
    assert (counts(system)["open"], counts(system)["jobs"]) == ((1, 2) if began else (0, 1))


def test_a_download_of_the_earlier_mp3_may_finish(system: System) -> None:
    """Its bytes count until then; afterwards the file is deleted."""
    job_id = made(system, "done")
    for epoch in (2, 4):
        convert_again(system, job_id)
        states.take(system.sweeper, transitions.CLAIM, job_id, epoch=epoch, holder="h")
        states.store(system.sweeper, MP3S, f"{job_id}.{epoch + 1}")
        mp3 = {"file_id": f"{job_id}.{epoch + 1}", "length": 5, "sha256": "x", "duration": 1.0}
        states.take(system.sweeper, transitions.FINISH, job_id, epoch=epoch + 1, mp3=mp3)
        states.mailed(system.sweeper, job_id, "none")
    of_all = {f"{job_id}.{epoch}" for epoch in (1, 3, 5)}
    system.clock.advance(seconds=PERIODS.download_timeout - 1)
    states.sweep_once(system.sweeper)
    system.usage.count_again(OWNER)
    assert (system.stored()["mp3s.files"], counts(system)["bytes"]) == (of_all, 5 + 3 * 5)
    system.clock.advance(seconds=1)
    system.usage.count_again(OWNER)
    assert counts(system)["bytes"] == 5 + 5
    for _ in range(2):
        system.clock.advance(seconds=PERIODS.longest_step)
        states.sweep_once(system.sweeper)
    assert system.stored()["mp3s.files"] == {f"{job_id}.5"}
    assert system.document(job_id).keys().isdisjoint({"cleanup", "former"})


def test_seconds_count_for_the_day_of_their_conversion(system: System) -> None:
    job_id = states.converting(system.sweeper)
    error = {"code": "c", "title": "t"}
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error=error, seconds=100)
    system.clock.advance(hours=23)
    for epoch in (2, 4):
        convert_again(system, job_id)
        states.take(system.sweeper, transitions.CLAIM, job_id, epoch=epoch, holder="h")
        states.take(system.sweeper, transitions.FAIL, job_id, epoch=epoch + 1, error=error, seconds=7)
        system.usage.count_again(OWNER)
        expected = 107 if system.clock.now.day == 1 else 100
        break
    assert counts(system)["seconds"] == expected
    system.clock.advance(hours=1)
    for epoch, seconds in ((4, 7), (6, 14)):
        convert_again(system, job_id)
        states.take(system.sweeper, transitions.CLAIM, job_id, epoch=epoch, holder="h")
        states.take(system.sweeper, transitions.FAIL, job_id, epoch=epoch + 1, error=error, seconds=7)
        system.usage.count_again(OWNER)
        assert counts(system)["seconds"] == seconds
    assert counts(system)["jobs"] == 2


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


@pytest.mark.parametrize("act", [retry, convert_again, mail_again, send_webhook, revoke, delete])
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


def test_links_are_revoked_while_a_done_job_is_converted_again(system: System) -> None:
    """They would lead to the next MP3."""
    job_id = made(system, "done")
    convert_again(system, job_id)
    revoke(system, job_id)
    states.take(system.sweeper, transitions.CLAIM, job_id, epoch=2, holder="h")
    revoke(system, job_id)
    mp3 = {"file_id": f"{job_id}.3", "length": 5, "sha256": "x", "duration": 1.0}
    states.take(system.sweeper, transitions.FINISH, job_id, epoch=3, mp3=mp3)
    assert system.document(job_id)["link_version"] == 2


@pytest.mark.parametrize("state", ["receiving", "aborted"])
def test_a_job_without_its_video_has_no_links(state: str, system: System) -> None:
    job_id = made(system, state)
    before = system.document(job_id)
    assert refusal(revoke, system, job_id, None).kind is errors.NO_LINK
    assert system.document(job_id) == before


@pytest.mark.parametrize("act", [retry, convert_again, mail_again, send_mail, revoke, delete])
def test_an_upload_that_failed_has_left_no_job_for_its_owner(act: Callable[..., object], system: System) -> None:
    assert refusal(act, system, made(system, "aborted")).kind is errors.NOT_FOUND


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
    assert refusal(send_mail, system, made(system, state), None).kind is errors.NOT_ENDED
    assert refusal(send_mail, system, states.finished(system.sweeper), "another").kind is errors.NOT_FOUND


@pytest.mark.parametrize("state", ["receiving", "ready", "converting", "aborted"])
def test_an_unfinished_job_has_no_mail(state: str, system: System) -> None:
    job_id = made(system, state)
    system.database["jobs"].documents[job_id]["mail"]["state"] = "failed"
    assert mail_again(system, job_id, None) is None
    assert system.queue.published == []


@pytest.mark.parametrize("webhook", ["sent", "failed", "declined"])
def test_a_webhook_is_sent_again_on_request(webhook: str, system: System) -> None:
    """The mail is left alone."""
    job_id = states.posted(system.sweeper, states.asking(system.sweeper), webhook)
    before = system.document(job_id)
    system.clock.advance(hours=1)
    assert send_webhook(system, job_id) == actions.Queued(job := system.document(job_id), announced=True)
    gap = PERIODS.announce_gap
    due = system.jobs.after(gap)
    assert job["webhook"] == {"url": states.WEBHOOK, "state": "none", "attempts": 0, "due": due, "gap": gap}
    assert {**before, "webhook": 0, "updated_at": 0} == {**job, "webhook": 0, "updated_at": 0}
    assert system.queue.published == [("ready", job_id)]


def test_a_webhook_that_waits_is_announced_again(system: System) -> None:
    job_id = states.asking(system.sweeper)
    before = system.document(job_id)
    assert send_webhook(system, job_id) == actions.Queued(before, announced=True)
    assert system.document(job_id) == before


def test_a_webhook_that_cannot_be_sent(system: System) -> None:
    posting, without = states.posting(system.sweeper), states.finished(system.sweeper)
    early = states.converting(system.sweeper, states.WEBHOOK)
    account_has_none = states.posted(system.sweeper, states.finished(system.sweeper, states.ACCOUNT), "declined")
    assert refusal(send_webhook, system, account_has_none).kind is errors.NO_WEBHOOK
    assert refusal(send_webhook, system, posting).kind is errors.WEBHOOK_ON_ITS_WAY
    assert refusal(send_webhook, system, without).kind is errors.NO_WEBHOOK
    assert refusal(send_webhook, system, early).kind is errors.NOT_ENDED
    assert refusal(send_webhook, system, posting, STRANGER).kind is errors.NOT_FOUND
    assert system.queue.published == []


def test_a_job_that_is_converted_again_tells_its_next_end(system: System) -> None:
    job_id = states.converting(system.sweeper, states.WEBHOOK)
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"})
    states.posted(system.sweeper, job_id, "sent")
    webhook = retry(system, job_id).job["webhook"]
    assert (webhook["url"], webhook["state"], webhook["attempts"]) == (states.WEBHOOK, "none", 0)
    assert not {"token", "until", "answer", "retry_at"} & webhook.keys()

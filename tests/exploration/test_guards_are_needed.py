"""Without a guard, the exploration finds a path to a loss or a duplicate."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

import pytest

from functions.backends import mongodb
from functions.backends.jobs import Jobs
from functions.backends.usage import Usage
from functions.common import ids, transitions
from functions.common.errors import Failure
from functions.common.transitions import Transition
from functions.common.values import Moment
from functions.common.webhooks import AddressOf
from functions.convert import conversion
from functions.jobs import actions
from functions.notify import mailing, posting
from functions.sweep import cleaning, repairs
from functions.upload import admission, intake
from tests.exploration import processes
from tests.exploration.exploration import (
    READY_WORLD,
    Check,
    Result,
    asking_world,
    counted_world,
    done_world,
    explore,
    failed_world,
    mail_violation,
    one_job_setup,
    webhook_violation,
    webhooks_at_most,
)
from tests.exploration.explorer import Explorer
from tests.exploration.ports import Uncounted

Patch = pytest.MonkeyPatch


def without(row: Transition, **changes: Any) -> Transition:
    return row._replace(**changes)


def mail_claimed_twice(patch: Patch) -> None:
    patch.setattr(mailing, "CLAIM_MAIL", without(transitions.CLAIM_MAIL, mail=()))


def mail_handed_over_without_the_token(patch: Patch) -> None:
    patch.setattr(mailing, "HAND_OVER", without(transitions.HAND_OVER, when={}))


def lost_answer_taken_as_success(patch: Patch) -> None:
    def only_sets(row: Transition, moment: Moment) -> dict[str, Any]:
        return dict(transitions.change(row, moment)["$set"])

    patch.setattr(transitions, "result", only_sets)


def unknown_mail_sent_again(patch: Patch) -> None:
    patch.setattr(mailing, "MAIL_UNKNOWN", without(transitions.MAIL_UNKNOWN, mail_target=transitions.NONE))


def webhook_claimed_twice(patch: Patch) -> None:
    patch.setattr(posting, "CLAIM_WEBHOOK", without(transitions.CLAIM_WEBHOOK, webhook=()))


def declined_on_a_guess(patch: Patch) -> None:
    attempt = posting._attempt

    def guess(job: dict[str, Any], address: AddressOf, send: posting.Send) -> Any:
        with contextlib.suppress(Failure):
            address(job)
            return attempt(job, address, send)
        return None

    patch.setattr(posting, "_attempt", guess)


def retried_without_asking(patch: Patch) -> None:
    patch.setattr(actions, "RETRY", without(transitions.RETRY, asking={}))


def without_repair(name: str) -> Callable[[Patch], None]:
    def weaken(patch: Patch) -> None:
        patch.setitem(processes.PROGRAMS, name, lambda script, _name: None)
        patch.setitem(processes.PROGRAMS, f"late {name}", lambda script, _name: None)

    return weaken


def finished_without_the_epoch(patch: Patch) -> None:
    patch.setattr(conversion, "FINISH", without(transitions.FINISH, when={}))


def one_file_for_all_epochs(patch: Patch) -> None:
    patch.setattr(ids, "mp3_file", lambda job_id, epoch: f"{job_id}.1")


def mp3_deleted_on_a_guess(patch: Patch) -> None:
    discard = conversion._discard
    patch.setattr(conversion, "_discard", lambda job, _jobs, files: discard(job, cast("Jobs", NoJobs()), files))


class NoJobs:
    """Jobs that are never found."""

    def find(self, _job_id: str) -> None:
        """Find nothing."""


def video_deleted_on_a_guess(patch: Patch) -> None:
    def abort(job: dict[str, Any], _jobs: Jobs, files: Any) -> None:
        files.delete("videos", job["_id"])

    patch.setattr(intake, "_abort", abort)


def claimed_under_the_same_epoch(patch: Patch) -> None:
    patch.setattr(repairs, "EXPIRE", without(transitions.EXPIRE, adds={}))
    patch.setattr(conversion, "CLAIM", without(transitions.CLAIM, adds={"attempts": 1}))


def retried_without_its_video(patch: Patch) -> None:
    unguarded = {path: rule for path, rule in transitions.RETRY.when.items() if path != "video_expired_at"}
    patch.setattr(actions, "RETRY", without(transitions.RETRY, when=unguarded))


def revoked_by_adding(patch: Patch) -> None:
    when = {"epoch": transitions.REVOKE_LINKS.when["epoch"]}
    patch.setattr(
        actions, "REVOKE_LINKS", without(transitions.REVOKE_LINKS, when=when, sets={}, adds={"link_version": 1})
    )


def expired_mp3_deleted_immediately(patch: Patch) -> None:
    kept = cleaning._kept_mp3
    patch.setattr(cleaning, "_kept_mp3", lambda job, jobs: None if job["mp3"].get("expired_at") else kept(job, jobs))


def removed_while_a_file_may_be_written(patch: Patch) -> None:
    def at_once(sweeper: Any, job: dict[str, Any]) -> None:
        for bucket, file_ids in cleaning._unnamed(job, sweeper.jobs):
            sweeper.files.delete(bucket, *file_ids)
        sweeper.jobs.forget(job)

    patch.setattr(cleaning, "_clean", at_once)


def earlier_mp3_deleted_immediately(patch: Patch) -> None:
    unnamed = cleaning._unnamed
    patch.setattr(cleaning, "_unnamed", lambda job, jobs: unnamed({**job, "former": None}, jobs))


def changed_without_a_place(patch: Patch) -> None:
    patch.setattr(actions, "_place", lambda _job, _again: Uncounted())


def counted_without_the_revision(patch: Patch) -> None:
    counted = Usage.count_again

    def count_again(usage: Usage, user: str) -> None:
        before = usage._find(user)
        if before:
            after = usage._counted(user, before)
            with mongodb.translated_errors():
                usage._collection.find_one_and_update({"_id": user}, {"$set": after}, return_document=True)
        else:
            counted(usage, user)

    patch.setattr(Usage, "count_again", count_again)


def counted_without_the_places(patch: Patch) -> None:
    counted = Usage._counted
    patch.setattr(Usage, "_counted", lambda usage, user, before: counted(usage, user, before | {"pending": {}}))


def given_back_without_the_place(patch: Patch) -> None:
    def give_back(usage: Usage, user: str, job_id: str, _day: str, size: int) -> None:
        usage._change({"_id": user}, {"open": -1, "bytes": -size}, drops=f"pending.{job_id}")

    patch.setattr(Usage, "give_back", give_back)


def given_back_on_a_guess(patch: Patch) -> None:
    patch.setattr(admission, "_give_up", lambda _job_id, _key, place, _stores: place.give_back())


NOTIFIERS = (("notify", "notify", "sweep"), 1, done_world())
CONVERTERS = (("convert", "convert", "sweep"), 1, READY_WORLD)
POSTERS = (("post", "post", "sweep"), 1, asking_world())
POSTERS_OF_ACCOUNT = (("post", "post", "sweep"), 1, asking_world(account=True))
REPOSTED = (("retry and convert", "tell", "sweep"), 0, asking_world(failed=True))
UPLOAD = (("upload", "convert", "sweep"), 1)
UNKNOWN = (("upload", "sweep"), 2)
DELETED = (("convert", "delete", "sweep"), 1, READY_WORLD)
RETRIED = (("retry", "sweep"), 0, failed_world(2))
REVOKED = (("revoke", "sweep"), 2, done_world())
EXPIRED = (("notify", "sweep"), 0, done_world(31))
CHANGED = (("change and convert", "sweep"), 0, done_world())
COUNTED_CHANGE = (("counted change", "count again", "sweep"), 1, counted_world(done_world()))
COUNTED_UPLOAD = (("counted upload", "count again", "sweep"), 2)


Weaken = Callable[[Patch], None]
MAX_SECONDS = 3600

# The guard that is removed or weakened, and the exploration that then finds a violation.
CASES: dict[str, tuple[Weaken, tuple[Any, ...]]] = {
    "a mail is claimed twice": (mail_claimed_twice, NOTIFIERS),
    "a mail is handed over without the token": (mail_handed_over_without_the_token, NOTIFIERS),
    "a lost answer is taken as success": (lost_answer_taken_as_success, NOTIFIERS),
    "a mail with an unknown outcome is sent again": (unknown_mail_sent_again, NOTIFIERS),
    "mails are not announced again": (without_repair("announce_again"), NOTIFIERS),
    "claimed mails are not ended": (without_repair("end_mails"), NOTIFIERS),
    "handed-over mails are not ended": (without_repair("end_handed_over"), NOTIFIERS),
    "a webhook is claimed twice": (webhook_claimed_twice, POSTERS),
    "webhooks are not announced again": (without_repair("announce_webhooks"), POSTERS),
    "claimed webhooks are not ended": (without_repair("end_webhooks"), POSTERS),
    "a webhook is declined on a guess": (declined_on_a_guess, POSTERS_OF_ACCOUNT),
    "a retried job does not ask for its webhook": (retried_without_asking, REPOSTED),
    "videos are not announced again": (without_repair("announce_again"), UPLOAD),
    "uploads are not ended": (without_repair("end_uploads"), UPLOAD),
    "conversions are not ended": (without_repair("end_conversions"), UPLOAD),
    "nothing is cleaned up": (without_repair("clean"), UPLOAD),
    "a video is deleted on a guess": (video_deleted_on_a_guess, UNKNOWN),
    "a conversion is finished without the epoch": (finished_without_the_epoch, CONVERTERS),
    "all epochs have one file": (one_file_for_all_epochs, CONVERTERS),
    "an MP3 is deleted on a guess": (mp3_deleted_on_a_guess, CONVERTERS),
    "jobs are claimed under the same epoch": (claimed_under_the_same_epoch, CONVERTERS),
    "a job is retried without its video": (retried_without_its_video, RETRIED),
    "links are revoked by adding to their version": (revoked_by_adding, REVOKED),
    "an expired MP3 is deleted at once": (expired_mp3_deleted_immediately, EXPIRED),
    "an earlier MP3 is deleted at once": (earlier_mp3_deleted_immediately, CHANGED),
    "a job begins again without a place": (changed_without_a_place, COUNTED_CHANGE),
    "jobs that begin again are counted without the places": (counted_without_the_places, COUNTED_CHANGE),
    "jobs are counted without the revision": (counted_without_the_revision, COUNTED_UPLOAD),
    "jobs are counted without the places": (counted_without_the_places, COUNTED_UPLOAD),
    "a place is given back without looking for it": (given_back_without_the_place, COUNTED_UPLOAD),
    "a place is given back on a guess": (given_back_on_a_guess, COUNTED_UPLOAD),
    "a job is removed while a file may be written": (removed_while_a_file_may_be_written, DELETED),
}


def run(name: str) -> Result:
    """Run an exploration without a guard."""
    weaken, where = CASES[name]
    checks: list[Check] = [mail_violation] if "notify" in where[0] else []
    checks += [webhook_violation, webhooks_at_most(2)] if {"post", "tell"} & {*where[0]} else []
    with one_job_setup() as patch:
        weaken(patch)
        return explore(Explorer(*where), *checks)


@pytest.mark.parametrize("name", CASES)
def test_removing_a_guard_is_found(name: str, results: dict[str, Future[Result]]) -> None:
    """Each guard prevents a violation that the exploration can find."""
    assert results[name].result(MAX_SECONDS).violation

"""The exploration has teeth: without a guard, it finds the way to the loss or the double."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

import pytest

from functions.backends.jobs import Jobs
from functions.common import ids, transitions
from functions.common.transitions import Transition
from functions.common.values import Moment
from functions.convert import conversion
from functions.jobs import actions
from functions.notify import mailing
from functions.sweep import cleaning, repairs
from functions.upload import intake
from tests.exploration import processes
from tests.exploration.explorer import Explorer
from tests.exploration.exploring import (
    READY_WORLD,
    Explored,
    done_world,
    explore,
    failed_world,
    one_job,
    wrong_with_mails,
)

Patch = pytest.MonkeyPatch


def without(row: Transition, **changes: Any) -> Transition:
    return row._replace(**changes)


def mail_claimed_by_anybody(patch: Patch) -> None:
    patch.setattr(mailing, "CLAIM_MAIL", without(transitions.CLAIM_MAIL, mail=()))


def mail_handed_over_without_the_token(patch: Patch) -> None:
    patch.setattr(mailing, "HAND_OVER", without(transitions.HAND_OVER, when={}))


def lost_answer_taken_for_a_win(patch: Patch) -> None:
    def sets_alone(row: Transition, moment: Moment) -> dict[str, Any]:
        return dict(transitions.change(row, moment)["$set"])

    patch.setattr(transitions, "result", sets_alone)


def mail_sent_again_when_in_doubt(patch: Patch) -> None:
    patch.setattr(mailing, "MAIL_UNKNOWN", without(transitions.MAIL_UNKNOWN, mail_target=transitions.NONE))


def repairs_without(name: str) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        patch.setitem(processes.PROGRAMS, name, lambda script, _name: None)
        patch.setitem(processes.PROGRAMS, f"late {name}", lambda script, _name: None)

    return plant


def finished_without_the_epoch(patch: Patch) -> None:
    patch.setattr(conversion, "FINISH", without(transitions.FINISH, when={}))


def one_file_for_all_epochs(patch: Patch) -> None:
    patch.setattr(ids, "mp3_file", lambda job_id, epoch: f"{job_id}.1")


def mp3_deleted_on_a_guess(patch: Patch) -> None:
    discard = conversion._discard
    patch.setattr(conversion, "_discard", lambda job, jobs, files: discard(job, cast("Jobs", Blind(jobs)), files))


class Blind:
    """Jobs that are never found."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

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


def expired_mp3_deleted_at_once(patch: Patch) -> None:
    kept = cleaning._kept_mp3
    patch.setattr(cleaning, "_kept_mp3", lambda job, jobs: None if job["mp3"].get("expired_at") else kept(job, jobs))


def forgotten_while_somebody_may_write(patch: Patch) -> None:
    def at_once(sweeper: Any, job: dict[str, Any]) -> None:
        for bucket, file_ids in cleaning._unnamed(job, sweeper.jobs):
            sweeper.files.delete(bucket, *file_ids)
        sweeper.jobs.forget(job)

    patch.setattr(cleaning, "_clean", at_once)


NOTIFIERS = (("notify", "notify", "sweep"), 1, done_world())
CONVERTERS = (("convert", "convert", "sweep"), 1, READY_WORLD)
UPLOAD = (("upload", "convert", "sweep"), 1)
DOUBT = (("upload", "sweep"), 2)
DELETED = (("convert", "delete", "sweep"), 1, READY_WORLD)
RETRIED = (("retry", "sweep"), 0, failed_world(2))
EXPIRED = (("notify", "sweep"), 0, done_world(31))


Plant = Callable[[Patch], None]
MOST_SECONDS = 3600

# What is removed or weakened, and where the exploration then finds the loss or the double.
CASES: dict[str, tuple[Plant, tuple[Any, ...]]] = {
    "a mail is claimed by anybody": (mail_claimed_by_anybody, NOTIFIERS),
    "a mail is handed over without the token": (mail_handed_over_without_the_token, NOTIFIERS),
    "a lost answer is taken for a win": (lost_answer_taken_for_a_win, NOTIFIERS),
    "a mail is sent again when in doubt": (mail_sent_again_when_in_doubt, NOTIFIERS),
    "mails are not announced again": (repairs_without("announce_again"), NOTIFIERS),
    "claimed mails are not ended": (repairs_without("end_mails"), NOTIFIERS),
    "mails handed over are not ended": (repairs_without("end_handed_over"), NOTIFIERS),
    "videos are not announced again": (repairs_without("announce_again"), UPLOAD),
    "uploads are not ended": (repairs_without("end_uploads"), UPLOAD),
    "conversions are not ended": (repairs_without("end_conversions"), UPLOAD),
    "nothing is cleaned up": (repairs_without("clean"), UPLOAD),
    "a video is deleted on a guess": (video_deleted_on_a_guess, DOUBT),
    "a conversion is finished without the epoch": (finished_without_the_epoch, CONVERTERS),
    "all epochs have one file": (one_file_for_all_epochs, CONVERTERS),
    "an MP3 is deleted on a guess": (mp3_deleted_on_a_guess, CONVERTERS),
    "jobs are claimed under the same epoch": (claimed_under_the_same_epoch, CONVERTERS),
    "a job is retried without its video": (retried_without_its_video, RETRIED),
    "an expired MP3 is deleted at once": (expired_mp3_deleted_at_once, EXPIRED),
    "a job is forgotten while somebody may write": (forgotten_while_somebody_may_write, DELETED),
}


def run(name: str) -> Explored:
    """Explore without a guard."""
    plant, where = CASES[name]
    checks = [wrong_with_mails] if "notify" in where[0] else []
    with one_job() as patch:
        plant(patch)
        return explore(Explorer(*where), *checks)


@pytest.mark.parametrize("name", CASES)
def test_a_guard_removed_is_a_way_found(name: str, explored: dict[str, Future[Explored]]) -> None:
    """Each guard is there for a reason that the exploration can show."""
    assert explored[name].result(MOST_SECONDS).wrong

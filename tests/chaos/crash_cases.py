"""Every step at which a process can die, how each is brought about, and how the job must end all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from tests.chaos import crash_causes as causes
from tests.chaos import crash_repairs as repairs
from tests.chaos.crash_ground import Fate, Ground
from tests.chaos.crash_sources import SIDES

Cause = Callable[[Ground, str, str], None]

DONE = Fate("done")
DONE_AGAIN = Fate("done", mails=2)
FAILED = Fate("failed")
GONE = Fate("gone")
UNKNOWN = Fate("done", "unknown", 0)
UNKNOWN_THERE = Fate("done", "unknown", 1)
UNMAILED = Fate("done", "failed", 0)

BETWEEN = (*SIDES, "between")


@dataclass(frozen=True)
class Case:
    """What brings a job to a step, and how it ends after somebody died there."""

    cause: Cause
    fate: Fate


def _cases() -> Iterator[tuple[str, Case]]:
    yield from _of_upload()
    yield from _of_convert()
    yield from _of_notify()
    yield from _of_sweep()
    yield from _of_jobs()


def _at(
    function: str, cause: Cause, fate: Fate, *actions: str, sides: tuple[str, ...] = SIDES
) -> Iterator[tuple[str, Case]]:
    for action in actions:
        for side in sides:
            yield f"{function}:{action}.{side}", Case(cause, fate)


def _of_upload() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "upload")
    yield from at(causes.upload, GONE, "receive", "videos.chunks", "videos.files")
    yield from at(causes.slow_upload, GONE, "renew_upload")
    yield from at(causes.broken_upload, GONE, "abort")
    yield from at(causes.broken_upload, GONE, "videos.delete", sides=BETWEEN)
    yield from at(causes.upload, GONE, "accept", sides=("before",))
    # From here on the job is safe, though nobody was told its id.
    yield from at(causes.upload, DONE, "accept", sides=("after",))
    yield from at(causes.answered_upload, DONE, "publish")


def _of_convert() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "convert")
    yield from at(causes.upload, DONE, "claim", "workspace", "program", "renew", "mp3s.chunks", "mp3s.files", "finish")
    yield from at(causes.upload, DONE, "publish")
    yield from at(causes.undecodable, FAILED, "fail")
    yield from at(causes.no_video_to_be_had, DONE, "postpone")
    yield from at(causes.mp3_there_already, DONE, "mp3s.delete", sides=BETWEEN)
    yield from at(causes.convert_told_to_stop, DONE, "hand_back")


def _of_notify() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "notify")
    yield from at(causes.upload, DONE, "claim_mail", "mail.session")
    yield from at(causes.upload, DONE, "hand_over", sides=("before",))
    # From here on nobody can tell, and so the mail is never sent again.
    yield from at(causes.upload, UNKNOWN, "hand_over", sides=("after",))
    yield from at(causes.upload, UNKNOWN, "mail.data")
    yield from at(causes.upload, UNKNOWN_THERE, "mail.dot", sides=("after",))
    yield from at(causes.upload, UNKNOWN_THERE, "mail_sent", sides=("before",))
    yield from at(causes.upload, DONE, "mail_sent", sides=("after",))
    yield from at(causes.no_answer_to_the_dot, UNKNOWN_THERE, "mail_unknown")
    # The relay takes the mail when it is offered again.
    yield from at(causes.relay_refuses, DONE, "refuse_mail", sides=("before",))
    yield from at(causes.relay_refuses, UNMAILED, "refuse_mail", sides=("after",))
    yield from at(causes.relay_postpones, DONE, "postpone_mail")
    yield from at(causes.notify_told_to_stop, DONE, "hand_back_mail")


def _of_sweep() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "sweep")
    after = repairs.after_crashes_at
    yield from at(after("upload:accept.before"), GONE, "abandon")
    yield from at(after("upload:accept.before"), GONE, "videos.delete", sides=BETWEEN)
    yield from at(repairs.tombstone, GONE, "forget")
    yield from at(after("upload:accept.after"), DONE, "announce_ready", "publish")
    yield from at(after("convert:claim.after"), DONE, "expire")
    yield from at(after("convert:program.after", "convert:program.after"), FAILED, "give_up")
    yield from at(after("convert:mp3s.files.after"), DONE, "mp3s.delete", sides=BETWEEN)
    yield from at(repairs.mp3_that_cannot_be_deleted, DONE, "clean_later")
    yield from at(after("convert:finish.after"), DONE, "announce_end")
    yield from at(after("notify:claim_mail.after"), DONE, "expire_mail")
    yield from at(after("notify:claim_mail.after", "notify:claim_mail.after"), UNMAILED, "give_up_mail")
    yield from at(after("notify:hand_over.after"), UNKNOWN, "lose_mail")
    yield from at(causes.upload, DONE, "clean_again")
    yield from at(repairs.kept_for(timedelta(hours=1)), DONE, "cleaned")
    yield from at(repairs.kept_for(timedelta(days=2)), DONE, "expire_video")
    yield from at(repairs.kept_for(timedelta(days=31)), DONE, "expire_mp3")
    yield from at(repairs.kept_for(timedelta(days=91)), GONE, "delete")


def _of_jobs() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "jobs")
    yield from at(repairs.deleted, DONE, "delete", sides=("before",))
    yield from at(repairs.deleted, GONE, "delete", sides=("after",))
    yield from at(repairs.deleted, GONE, "videos.delete", "mp3s.delete", sides=BETWEEN)
    yield from at(repairs.retried, FAILED, "retry", sides=("before",))
    yield from at(repairs.retried, DONE_AGAIN, "retry", sides=("after",))
    yield from at(repairs.retried, DONE_AGAIN, "publish")
    yield from at(repairs.letter_replayed, DONE, "mail_again", "letters.drop")


CASES: dict[str, Case] = dict(_cases())

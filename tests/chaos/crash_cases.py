"""Every step at which a process can crash, how to reach it, and how the job must end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from tests.chaos import crash_causes as causes
from tests.chaos import crash_repairs as repairs
from tests.chaos.crash_harness import Harness, Outcome
from tests.chaos.crash_sources import SIDES

Cause = Callable[[Harness, str, str], None]

DONE = Outcome("done")
DONE_AGAIN = Outcome("done", mails=2)
FAILED = Outcome("failed")
GONE = Outcome("gone")
UNKNOWN = Outcome("done", "unknown", 0)
UNKNOWN_DELIVERED = Outcome("done", "unknown", 1)
UNMAILED = Outcome("done", "failed", 0)
DECLINED = Outcome("done", "declined", 0)

UNASKED = Outcome("done", webhook="")
TOLD = Outcome("done", webhook="sent", webhooks=1)
TOLD_TWICE = Outcome("done", webhook="sent", webhooks=2)
UNTOLD = Outcome("done", webhook="failed", webhooks=0)
TOLD_TO_STOP = Outcome("done", webhook="failed", webhooks=1)

BETWEEN = (*SIDES, "between")


@dataclass(frozen=True)
class Case:
    """How to reach a step, and how the job ends after a crash there."""

    cause: Cause
    outcome: Outcome


def _cases() -> Iterator[tuple[str, Case]]:
    yield from _upload_cases()
    yield from _convert_cases()
    yield from _notify_cases()
    yield from _sweep_cases()
    yield from _jobs_cases()


def _at(
    function: str, cause: Cause, outcome: Outcome, *actions: str, sides: tuple[str, ...] = SIDES
) -> Iterator[tuple[str, Case]]:
    for action in actions:
        for side in sides:
            yield f"{function}:{action}.{side}", Case(cause, outcome)


def _upload_cases() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "upload")
    yield from at(causes.upload, GONE, "receive", "videos.chunks", "videos.files")
    yield from at(causes.slow_upload, GONE, "renew_upload", "usage.grow")
    yield from at(causes.upload, GONE, "usage.reserve")
    yield from at(causes.first_upload, GONE, "usage.count_again")
    yield from at(causes.keyed_upload, GONE, "keys.take")
    yield from at(causes.keyed_text, GONE, "keys.release")
    yield from at(causes.broken_upload, GONE, "usage.give_back")
    yield from at(causes.broken_upload, GONE, "abort")
    yield from at(causes.broken_upload, GONE, "videos.delete", sides=BETWEEN)
    yield from at(causes.upload, GONE, "accept", sides=("before",))
    # From here on the job is safe, even if the client does not know its id.
    yield from at(causes.upload, DONE, "accept", sides=("after",))
    yield from at(causes.answered_upload, DONE, "publish", "usage.settle")


def _convert_cases() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "convert")
    yield from at(causes.upload, DONE, "claim", "workspace", "program", "renew", "mp3s.chunks", "mp3s.files", "finish")
    yield from at(causes.upload, DONE, "publish", "usage.charge")
    yield from at(causes.same_again, DONE, "again", sides=("between",))
    yield from at(causes.undecodable, FAILED, "fail")
    yield from at(causes.video_unreadable, DONE, "postpone")
    yield from at(causes.mp3_exists, DONE, "mp3s.delete", sides=BETWEEN)
    yield from at(causes.convert_shut_down, DONE, "hand_back")


def _notify_cases() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "notify")
    yield from at(causes.upload, DONE, "claim_mail", "mail.session")
    yield from at(causes.upload, DONE, "hand_over", sides=("before",))
    # From here on it is unknown whether the mail was delivered, so it is never sent again.
    yield from at(causes.upload, UNKNOWN, "hand_over", sides=("after",))
    yield from at(causes.upload, UNKNOWN, "mail.data")
    yield from at(causes.upload, UNKNOWN_DELIVERED, "mail.dot", sides=("after",))
    yield from at(causes.upload, UNKNOWN_DELIVERED, "mail_sent", sides=("before",))
    yield from at(causes.upload, DONE, "mail_sent", sides=("after",))
    yield from at(causes.reply_to_final_dot_lost, UNKNOWN_DELIVERED, "mail_unknown")
    # The relay accepts the mail at the next attempt.
    yield from at(causes.relay_refuses, DONE, "refuse_mail", sides=("before",))
    yield from at(causes.relay_refuses, UNMAILED, "refuse_mail", sides=("after",))
    yield from at(causes.unwanted, DONE, "decline_mail", sides=("before",))
    yield from at(causes.unwanted, DECLINED, "decline_mail", sides=("after",))
    yield from at(causes.relay_postpones, DONE, "postpone_mail")
    yield from at(causes.notify_shut_down, DONE, "hand_back_mail")
    yield from at(causes.upload, DONE, "decline_webhook")
    yield from at(causes.told_upload, TOLD, "claim_webhook")
    yield from at(causes.told_upload, TOLD, "webhook", sides=("before",))
    # From here on the receiver has it, and gets it once more if that was not written down.
    yield from at(causes.told_upload, TOLD_TWICE, "webhook", sides=("after",))
    yield from at(causes.told_upload, TOLD_TWICE, "webhook_sent", sides=("before",))
    yield from at(causes.told_upload, TOLD, "webhook_sent", sides=("after",))
    yield from at(causes.receiver_answers(503), TOLD_TWICE, "postpone_webhook")
    yield from at(causes.receiver_answers(410), TOLD_TWICE, "refuse_webhook", sides=("before",))
    yield from at(causes.receiver_answers(410), TOLD_TO_STOP, "refuse_webhook", sides=("after",))


def _sweep_cases() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "sweep")
    after = repairs.after_crashes_at
    yield from at(after("upload:accept.before"), GONE, "abandon")
    yield from at(after("upload:accept.before"), GONE, "videos.delete", sides=BETWEEN)
    yield from at(repairs.tombstone, GONE, "forget")
    yield from at(after("upload:accept.after"), DONE, "announce_ready", "publish")
    yield from at(after("convert:claim.after"), DONE, "expire")
    yield from at(after("convert:renew.after"), DONE, "usage.charge")
    yield from at(repairs.long_uncounted, DONE, "usage.count_again")
    yield from at(repairs.unused, DONE, "usage.forget")
    yield from at(repairs.forgotten, GONE, "usage.remember")
    yield from at(after("convert:program.after", "convert:program.after"), FAILED, "give_up")
    yield from at(after("convert:mp3s.files.after"), DONE, "mp3s.delete", sides=BETWEEN)
    yield from at(repairs.mp3_undeletable, DONE, "clean_later")
    yield from at(after("convert:finish.after", told=False), UNASKED, "announce_end")
    yield from at(after("notify:claim_mail.after"), DONE, "expire_mail")
    yield from at(after("notify:claim_mail.after", "notify:claim_mail.after"), UNMAILED, "give_up_mail")
    yield from at(after("notify:hand_over.after"), UNKNOWN, "lose_mail")
    claimed = "notify:claim_webhook.after"
    yield from at(after(claimed, told=True), TOLD, "expire_webhook")
    yield from at(after(claimed, claimed, told=True), UNTOLD, "give_up_webhook")
    yield from at(after("convert:finish.after", told=True), TOLD, "announce_webhook")
    yield from at(causes.upload, DONE, "clean_again")
    yield from at(repairs.kept_for(timedelta(hours=1)), DONE, "cleaned")
    yield from at(repairs.kept_for(timedelta(days=2)), DONE, "expire_video")
    yield from at(repairs.kept_for(timedelta(days=31)), DONE, "expire_mp3")
    yield from at(repairs.kept_for(timedelta(days=91)), GONE, "delete")


def _jobs_cases() -> Iterator[tuple[str, Case]]:
    at = partial(_at, "jobs")
    yield from at(repairs.deleted, DONE, "delete", sides=("before",))
    yield from at(repairs.deleted, GONE, "delete", sides=("after",))
    yield from at(repairs.deleted, GONE, "videos.delete", "mp3s.delete", sides=BETWEEN)
    yield from at(repairs.revoked, DONE, "revoke_links")
    yield from at(repairs.retried, FAILED, "retry", sides=("before",))
    yield from at(repairs.retried, DONE_AGAIN, "retry", sides=("after",))
    yield from at(repairs.retried, DONE_AGAIN, "publish")
    yield from at(repairs.changed, DONE, "usage.reserve")
    yield from at(repairs.first_change, DONE, "usage.count_again")
    yield from at(repairs.changed, DONE_AGAIN, "usage.settle")
    yield from at(repairs.overtaken_change, GONE, "usage.give_back")
    yield from at(repairs.told_again, TOLD_TWICE, "webhook_again")
    yield from at(repairs.letter_replayed, DONE, "mail_again", "letters.drop")


CASES: dict[str, Case] = dict(_cases())

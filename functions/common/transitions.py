"""Transitions: the table of all changes of a job document.

Each row is one atomic compare-and-set, which names the state and the epoch (for mails and webhooks: the token) that it
starts from.
`functions.backends.jobs` applies the rows; `tests/exploration` runs the real steps in every order.

    jobs: {_id, owner, email, filename, size, sha256, options, traceparent, created_at, updated_at,
           state, epoch, lease{holder, until}, claimed_at, spent, attempts, retry_at,
           announced_at, announce_gap, announce_due, progress,
           mp3{file_id, length, sha256, duration, notes, others, texts, chapters, picture, version,
           expired_at}, video_expired_at, error{code, title},
           mail{state, run, token, until, retry_at, attempts, message_id},
           webhook{url, state, token, until, retry_at, attempts, due, gap, answer}, cleanup{at, until},
           expires{video, mp3, job}, link_version, retries{day, jobs, spent}, former{until, length}}

`options` has the options that were given (`functions.common.options`). `announce_due` is announced_at + announce_gap,
stored because an index finds the waiting jobs by it. `cleanup` says when sweep deletes the files that the job does not
name: at `at`, and again at `until`, when nothing that began earlier can still be writing. `link_version` is what a link
to the MP3 must name; without it, 0. `retries` says how often the job began again on that day, and how many of the
seconds in `spent` its conversions took before. `former` has the bytes of earlier MP3s, and until when none is deleted
because a download of it may be running. `webhook` has a `url` if one was given with the video; without it, the one of
the owner's account counts when the job has ended. A job that shall have none has no `webhook`. Sweep announces an ended
job again at its `due`, and `answer` is what came of the last attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from functions.common.errors import GAVE_UP
from functions.common.values import (
    After,
    AfterGiven,
    AttemptsLeft,
    Document,
    Fixed,
    Given,
    Keep,
    Lease,
    Length,
    Measured,
    Moment,
    NoAttemptsLeft,
    NotBefore,
    Now,
    Past,
    Value,
    Values,
)

RECEIVING, READY, CONVERTING, DONE, FAILED, ABORTED, DELETING = (
    "receiving",
    "ready",
    "converting",
    "done",
    "failed",
    "aborted",
    "deleting",
)
# of a mail; NONE, CLAIMED, SENT and DECLINED also of a webhook
NONE, CLAIMED, HANDING_OVER, SENT, UNKNOWN, MAIL_FAILED, DECLINED = (
    "none",
    "claimed",
    "handing_over",
    "sent",
    "unknown",
    "failed",
    "declined",
)
WEBHOOK_FAILED = "failed"

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Transition(NamedTuple):
    """A row: who may change a job from which state to which, under which condition, and what else changes.

    `minimum` and `maximum` set a field unless its value is already lower or higher; `adds` and `counts` add to it.
    """

    name: str
    who: str
    source: tuple[str, ...]
    target: str | None  # None: unchanged
    mail: tuple[str, ...] = ()  # the mail states that it may start from; empty: any
    mail_target: str | None = None
    webhook: tuple[str, ...] = ()  # the same for the webhook
    webhook_target: str | None = None
    when: Mapping[str, Value] = _NOTHING
    sets: Mapping[str, Value] = _NOTHING
    adds: Mapping[str, int] = _NOTHING
    counts: Mapping[str, Value] = _NOTHING
    minimum: Mapping[str, Value] = _NOTHING
    maximum: Mapping[str, Value] = _NOTHING
    drops: tuple[str, ...] = ()
    asking: Mapping[str, Value] = _NOTHING  # set too, if the caller gives the job's `webhook`


def condition(row: Transition, job_id: str, moment: Moment) -> Document:
    """Return the query that finds the job only if the row may be applied to it."""
    query: Document = {"_id": job_id, "state": {"$in": list(row.source)}}
    if row.mail:
        query["mail.state"] = {"$in": list(row.mail)}
    if row.webhook:
        query["webhook.state"] = {"$in": list(row.webhook)}
    return query | {path: rule.at(moment) for path, rule in row.when.items()}


def change(row: Transition, moment: Moment) -> Document:
    """Return the row's change as MongoDB update operators."""
    asked = row.asking if moment.given.get("webhook") else _NOTHING
    sets = {path: value.at(moment) for path, value in {**row.sets, **asked}.items()} | {"updated_at": Now().at(moment)}
    if row.target:
        sets["state"] = row.target
    if row.mail_target:
        sets["mail.state"] = row.mail_target
    if row.webhook_target:
        sets["webhook.state"] = row.webhook_target
    update: Document = {"$set": sets}
    adds = {path: value for path, rule in row.counts.items() if (value := rule.at(moment))} | dict(row.adds)
    if adds:
        update["$inc"] = adds
    for operator, values in (("$min", row.minimum), ("$max", row.maximum)):
        if values:
            update[operator] = {path: value.at(moment) for path, value in values.items()}
    if row.drops:
        update["$unset"] = dict.fromkeys(row.drops, "")
    return update


def result(row: Transition, moment: Moment) -> Document:
    """Return the values that the document has, by path, right after the row was applied.

    They include the epoch or the token, which distinguish this change from the same change by another process.
    """
    claim: Document = {path: row.when[path].at(moment) for path in _CLAIMS if path in row.when}
    shown = {path: value + row.adds.get(path, 0) if path == "epoch" else value for path, value in claim.items()}
    kept = {path: value for path, value in shown.items() if path not in row.drops}
    sets: Document = change(row, moment)["$set"]
    # Another change right after it, such as one of sweep, has another time.
    return kept | {path: value for path, value in sets.items() if path != "updated_at"}


_CLAIMS = ("epoch", "mail.token", "webhook.token")  # they show which process made a change
_SAME_EPOCH: Values = {"epoch": Given("epoch")}
_SAME_TOKEN: Values = {"mail.token": Given("token")}
_LEASE_EXPIRED: Values = _SAME_EPOCH | {"lease.until": Past()}
_ANNOUNCE_LATER: Values = {
    "announced_at": Now(),
    "announce_gap": Length("announce_gap"),
    "announce_due": Given("retry_at"),
}
_ANNOUNCE: Values = _ANNOUNCE_LATER | {"announce_due": After("announce_gap")}
_CLEAN_SOON: Values = {"cleanup.at": After("announce_gap")}
_CLEAN_AT_ONCE: Values = {"cleanup.at": Now()}
_CLEAN_LAST: Values = {"cleanup.until": After("longest_step")}
_KEEP_FAILED: Values = {"expires.video": Keep("video_keep_days"), "expires.job": Keep("job_keep_days")}
_KEEP_DONE: Values = _KEEP_FAILED | {"expires.mp3": Keep("mp3_keep_days")}
_SPENT: Values = {"spent": Measured("seconds")}
_ENDED = (DONE, FAILED)
_MAIL_EXPIRED: Values = _SAME_TOKEN | {"mail.until": Past()}
_MAIL_CLAIM = ("mail.token", "mail.until")
_SAME_WEBHOOK: Values = {"webhook.token": Given("token")}
_WEBHOOK_EXPIRED: Values = _SAME_WEBHOOK | {"webhook.until": Past()}
_WEBHOOK_CLAIM = ("webhook.token", "webhook.until")
_WEBHOOK_DUE: Values = {"webhook.due": After("announce_gap"), "webhook.gap": Length("announce_gap")}
_GAVE_UP = Fixed({"code": GAVE_UP.code, "title": GAVE_UP.title})

RENEW_UPLOAD = Transition(
    "renew_upload", "upload", (RECEIVING,), None, when=_SAME_EPOCH, sets={"lease.until": Lease("upload_lease")}
)
ACCEPT = Transition(
    "accept",
    "upload",
    (RECEIVING,),
    READY,
    when=_SAME_EPOCH,
    drops=("lease",),
    sets=_ANNOUNCE | {"size": Given("size"), "sha256": Given("sha256"), "options": Given("options")},
    asking={"webhook": Given("webhook")},
)
ABORT = Transition(
    "abort",
    "upload",
    (RECEIVING,),
    ABORTED,
    when=_SAME_EPOCH,
    drops=("lease",),
    minimum=_CLEAN_SOON,
    maximum=_CLEAN_LAST,
)
ABANDON = Transition(
    "abandon",
    "sweep",
    (RECEIVING,),
    ABORTED,
    when=_LEASE_EXPIRED,
    adds={"epoch": 1},
    drops=("lease",),
    minimum=_CLEAN_AT_ONCE,
    maximum=_CLEAN_LAST,
)

CLAIM = Transition(
    "claim",
    "convert",
    (READY,),
    CONVERTING,
    when=_SAME_EPOCH | {"retry_at": NotBefore()},
    sets={
        "claimed_at": Now(),
        "progress": Fixed(0),
        "lease.holder": Given("holder"),
        "lease.until": After("convert_lease"),
    },
    adds={"epoch": 1, "attempts": 1},
    drops=("retry_at", "announce_due"),
)
RENEW = Transition(
    "renew",
    "convert",
    (CONVERTING,),
    None,
    when=_SAME_EPOCH,
    sets={"lease.until": Lease("convert_lease")},
    maximum={"progress": Given("progress")},
)
FINISH = Transition(
    "finish",
    "convert",
    (CONVERTING,),
    DONE,
    when=_SAME_EPOCH,
    drops=("lease", "error"),
    sets=_ANNOUNCE | _KEEP_DONE | {"mp3": Given("mp3"), "progress": Fixed(100)},
    minimum=_CLEAN_SOON,
    maximum=_CLEAN_LAST,
    counts=_SPENT,
    asking=_WEBHOOK_DUE,
)
FAIL = Transition(
    "fail",
    "convert",
    (CONVERTING,),
    FAILED,
    when=_SAME_EPOCH,
    drops=("lease",),
    sets=_ANNOUNCE | _KEEP_FAILED | {"error": Given("error")},
    minimum=_CLEAN_SOON,
    maximum=_CLEAN_LAST,
    counts=_SPENT,
    asking=_WEBHOOK_DUE,
)
POSTPONE = Transition(
    "postpone",
    "convert",
    (CONVERTING,),
    READY,
    when=_SAME_EPOCH | {"attempts": AttemptsLeft("max_attempts")},
    drops=("lease",),
    sets=_ANNOUNCE_LATER | {"retry_at": Given("retry_at")},
    counts=_SPENT,
)
HAND_BACK = Transition(
    "hand_back",
    "convert",
    (CONVERTING,),
    READY,
    when=_SAME_EPOCH,
    sets=_ANNOUNCE,
    adds={"attempts": -1},
    drops=("lease",),
)
EXPIRE = Transition(
    "expire",
    "sweep",
    (CONVERTING,),
    READY,
    when=_LEASE_EXPIRED | {"attempts": AttemptsLeft("max_attempts")},
    sets=_ANNOUNCE,
    adds={"epoch": 1},
    drops=("lease",),
    counts=_SPENT,
)
GIVE_UP = Transition(
    "give_up",
    "sweep",
    (CONVERTING,),
    FAILED,
    when=_LEASE_EXPIRED | {"attempts": NoAttemptsLeft("max_attempts")},
    adds={"epoch": 1},
    sets=_ANNOUNCE | _KEEP_FAILED | {"error": _GAVE_UP},
    drops=("lease",),
    minimum=_CLEAN_SOON,
    maximum=_CLEAN_LAST,
    counts=_SPENT,
    asking=_WEBHOOK_DUE,
)
RETRY = Transition(
    "retry",
    "jobs",
    _ENDED,
    READY,
    when=_SAME_EPOCH | {"video_expired_at": Fixed(None)},
    mail_target=NONE,
    sets=_ANNOUNCE
    | {"attempts": Fixed(0), "progress": Fixed(0), "mail.attempts": Fixed(0)}
    | {"options": Given("options"), "retries": Given("retries"), "former": Given("former")},
    adds={"epoch": 1, "mail.run": 1},
    drops=(
        *(*_MAIL_CLAIM, "mail.retry_at", "mail.message_id"),
        *(*_WEBHOOK_CLAIM, "webhook.retry_at", "webhook.answer", "webhook.due", "webhook.gap"),
        *("error", "mp3", "expires", "cleanup.at"),
    ),
    # When the next conversion has ended, the earlier MP3s are deleted, but not before `former.until`.
    maximum={"cleanup.until": After("download_timeout")},
    asking={"webhook.state": Fixed(NONE), "webhook.attempts": Fixed(0)},
)

_SEND_AGAIN: Values = {"announced_at": Now(), "announce_gap": Given("gap"), "announce_due": AfterGiven("gap")}
_NOT_SENT_SINCE: Values = _SAME_EPOCH | {"announced_at": Given("announced_at"), "announce_due": Past()}
ANNOUNCE_READY = Transition("announce_ready", "sweep", (READY,), None, when=_NOT_SENT_SINCE, sets=_SEND_AGAIN)
ANNOUNCE_END = Transition("announce_end", "sweep", _ENDED, None, mail=(NONE,), when=_NOT_SENT_SINCE, sets=_SEND_AGAIN)

CLAIM_MAIL = Transition(
    "claim_mail",
    "notify",
    _ENDED,
    None,
    mail=(NONE,),
    mail_target=CLAIMED,
    when={"mail.run": Given("run"), "mail.retry_at": NotBefore()},
    sets={"mail.token": Given("token"), "mail.until": After("mail_lease")},
    adds={"mail.attempts": 1},
    drops=("mail.retry_at", "announce_due"),
)
HAND_OVER = Transition(
    "hand_over",
    "notify",
    _ENDED,
    None,
    mail=(CLAIMED,),
    mail_target=HANDING_OVER,
    when=_SAME_TOKEN,
    sets={"mail.until": After("mail_unknown"), "mail.message_id": Given("message_id")},
)
MAIL_SENT = Transition(
    "mail_sent",
    "notify",
    _ENDED,
    None,
    mail=(HANDING_OVER, UNKNOWN),
    mail_target=SENT,
    when=_SAME_TOKEN,
    drops=("mail.until",),
)
MAIL_UNKNOWN = Transition(
    "mail_unknown",
    "notify",
    _ENDED,
    None,
    mail=(HANDING_OVER,),
    mail_target=UNKNOWN,
    when=_SAME_TOKEN,
    drops=("mail.until",),
)
REFUSE_MAIL = Transition(
    "refuse_mail",
    "notify",
    _ENDED,
    None,
    mail=(CLAIMED, HANDING_OVER),
    mail_target=MAIL_FAILED,
    when=_SAME_TOKEN,
    drops=("mail.until",),
)
DECLINE_MAIL = Transition(
    "decline_mail",
    "notify",
    _ENDED,
    None,
    mail=(CLAIMED,),
    mail_target=DECLINED,
    when=_SAME_TOKEN,
    drops=("mail.until",),
)
POSTPONE_MAIL = Transition(
    "postpone_mail",
    "notify",
    _ENDED,
    None,
    mail=(CLAIMED, HANDING_OVER),
    mail_target=NONE,
    when=_SAME_TOKEN | {"mail.attempts": AttemptsLeft("mail_attempts")},
    sets=_ANNOUNCE_LATER | {"mail.retry_at": Given("retry_at")},
    drops=_MAIL_CLAIM,
)
HAND_BACK_MAIL = Transition(
    "hand_back_mail",
    "notify",
    _ENDED,
    None,
    mail=(CLAIMED,),
    mail_target=NONE,
    when=_SAME_TOKEN,
    sets=_ANNOUNCE,
    adds={"mail.attempts": -1},
    drops=_MAIL_CLAIM,
)
EXPIRE_MAIL = Transition(
    "expire_mail",
    "sweep",
    _ENDED,
    None,
    mail=(CLAIMED,),
    mail_target=NONE,
    when=_MAIL_EXPIRED | {"mail.attempts": AttemptsLeft("mail_attempts")},
    sets=_ANNOUNCE,
    drops=_MAIL_CLAIM,
)
GIVE_UP_MAIL = Transition(
    "give_up_mail",
    "sweep",
    _ENDED,
    None,
    mail=(CLAIMED,),
    mail_target=MAIL_FAILED,
    when=_MAIL_EXPIRED | {"mail.attempts": NoAttemptsLeft("mail_attempts")},
    drops=("mail.until",),
)
LOSE_MAIL = Transition(
    "lose_mail",
    "sweep",
    _ENDED,
    None,
    mail=(HANDING_OVER,),
    mail_target=UNKNOWN,
    when=_MAIL_EXPIRED,
    drops=("mail.until",),
)
MAIL_AGAIN = Transition(
    "mail_again",
    "jobs",
    _ENDED,
    None,
    mail=(SENT, UNKNOWN, MAIL_FAILED, DECLINED),
    mail_target=NONE,
    when={"mail.run": Given("run")},
    sets=_ANNOUNCE | {"mail.attempts": Fixed(0)},
    adds={"mail.run": 1},
    drops=(*_MAIL_CLAIM, "mail.retry_at", "mail.message_id"),
)

CLAIM_WEBHOOK = Transition(
    "claim_webhook",
    "notify",
    _ENDED,
    None,
    webhook=(NONE,),
    webhook_target=CLAIMED,
    when=_SAME_EPOCH | {"webhook.retry_at": NotBefore()},
    sets={"webhook.token": Given("token"), "webhook.until": After("webhook_lease")},
    adds={"webhook.attempts": 1},
    drops=("webhook.retry_at", "webhook.due"),
)
DECLINE_WEBHOOK = Transition(
    "decline_webhook",
    "notify",
    _ENDED,
    None,
    webhook=(NONE,),
    webhook_target=DECLINED,
    # Not one that was asked for again after the account was read.
    when=_SAME_EPOCH | {"webhook.due": Given("due")},
    drops=("webhook.retry_at", "webhook.due"),
)
WEBHOOK_SENT = Transition(
    "webhook_sent",
    "notify",
    _ENDED,
    None,
    webhook=(CLAIMED,),
    webhook_target=SENT,
    when=_SAME_WEBHOOK,
    sets={"webhook.answer": Given("answer")},
    drops=("webhook.until",),
)
REFUSE_WEBHOOK = Transition(
    "refuse_webhook",
    "notify",
    _ENDED,
    None,
    webhook=(CLAIMED,),
    webhook_target=WEBHOOK_FAILED,
    when=_SAME_WEBHOOK,
    sets={"webhook.answer": Given("answer")},
    drops=("webhook.until",),
)
POSTPONE_WEBHOOK = Transition(
    "postpone_webhook",
    "notify",
    _ENDED,
    None,
    webhook=(CLAIMED,),
    webhook_target=NONE,
    when=_SAME_WEBHOOK | {"webhook.attempts": AttemptsLeft("webhook_attempts")},
    sets=_WEBHOOK_DUE
    | {"webhook.due": Given("retry_at"), "webhook.retry_at": Given("retry_at"), "webhook.answer": Given("answer")},
    drops=_WEBHOOK_CLAIM,
)
EXPIRE_WEBHOOK = Transition(
    "expire_webhook",
    "sweep",
    _ENDED,
    None,
    webhook=(CLAIMED,),
    webhook_target=NONE,
    when=_WEBHOOK_EXPIRED | {"webhook.attempts": AttemptsLeft("webhook_attempts")},
    sets=_WEBHOOK_DUE,
    drops=_WEBHOOK_CLAIM,
)
GIVE_UP_WEBHOOK = Transition(
    "give_up_webhook",
    "sweep",
    _ENDED,
    None,
    webhook=(CLAIMED,),
    webhook_target=WEBHOOK_FAILED,
    when=_WEBHOOK_EXPIRED | {"webhook.attempts": NoAttemptsLeft("webhook_attempts")},
    drops=("webhook.until",),
)
ANNOUNCE_WEBHOOK = Transition(
    "announce_webhook",
    "sweep",
    _ENDED,
    None,
    webhook=(NONE,),
    when=_SAME_EPOCH | {"webhook.due": Given("due")},
    sets={"webhook.due": AfterGiven("gap"), "webhook.gap": Given("gap")},
)
WEBHOOK_AGAIN = Transition(
    "webhook_again",
    "jobs",
    _ENDED,
    None,
    webhook=(SENT, WEBHOOK_FAILED, DECLINED),
    webhook_target=NONE,
    when=_SAME_EPOCH,
    sets=_WEBHOOK_DUE | {"webhook.attempts": Fixed(0)},
    drops=(*_WEBHOOK_CLAIM, "webhook.answer"),
)

REVOKE_LINKS = Transition(
    "revoke_links",
    "jobs",
    # A done job that is converted again keeps its links.
    (READY, CONVERTING, DONE, FAILED),
    None,
    when=_SAME_EPOCH | {"link_version": Given("link_version")},
    # Not added: a number that was set shows that the change was made if its answer is lost.
    sets={"link_version": Given("next_link_version")},
)
DELETE = Transition(
    "delete",
    "jobs, sweep",
    (RECEIVING, READY, CONVERTING, DONE, FAILED, ABORTED),
    DELETING,
    when=_SAME_EPOCH,
    adds={"epoch": 1},
    drops=("lease", "retry_at", "announce_due", "expires", *_MAIL_CLAIM, *_WEBHOOK_CLAIM, "webhook.due"),
    minimum=_CLEAN_SOON,
    maximum=_CLEAN_LAST,
)
EXPIRE_VIDEO = Transition(
    "expire_video",
    "sweep",
    _ENDED,
    None,
    when=_SAME_EPOCH | {"expires.video": Past()},
    sets={"video_expired_at": Now()},
    drops=("expires.video",),
    minimum=_CLEAN_AT_ONCE,
    maximum={"cleanup.until": Now()},
)
EXPIRE_MP3 = Transition(
    "expire_mp3",
    "sweep",
    (DONE,),
    None,
    when=_SAME_EPOCH | {"expires.mp3": Past()},
    sets={"mp3.expired_at": Now()},
    drops=("expires.mp3",),
    minimum={"cleanup.at": After("download_timeout")},
    maximum={"cleanup.until": After("download_timeout")},
)
_SAME_CLEANUP: Values = _SAME_EPOCH | {"cleanup.at": Given("at"), "cleanup.until": Given("until")}
CLEAN_AGAIN = Transition(
    "clean_again",
    "sweep",
    (DONE, FAILED, ABORTED, DELETING),
    None,
    when=_SAME_CLEANUP,
    sets={"cleanup.at": Given("until")},
)
CLEAN_LATER = Transition(
    "clean_later",
    "sweep",
    (DONE, FAILED, ABORTED, DELETING),
    None,
    when=_SAME_CLEANUP,
    sets={"cleanup.at": After("announce_gap")},
)
CLEANED = Transition("cleaned", "sweep", _ENDED, None, when=_SAME_CLEANUP, drops=("cleanup", "former"))

TABLE: tuple[Transition, ...] = tuple(row for row in list(globals().values()) if isinstance(row, Transition))

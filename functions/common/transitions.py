"""The life of a job: every change that its document may go through, in one table.

Each row is one atomic compare-and-set: it names the state, and the epoch or the mail's token, that it starts from.
`functions.backends.jobs` executes the rows; `tests/exploration` runs the real steps over every schedule.

    jobs: {_id, owner, email, filename, size, sha256, options, traceparent, created_at, updated_at,
           state, epoch, lease{holder, until}, claimed_at, attempts, retry_at,
           announced_at, announce_gap, announce_due, progress,
           mp3{file_id, length, sha256, duration, notes, expired_at}, video_expired_at, error{code, title},
           mail{state, run, token, until, retry_at, attempts, message_id}, cleanup{at, until},
           expires{video, mp3, job}}

`options` holds those of `functions.common.options` that were given. `announce_due` is announced_at + announce_gap,
written down so that an index finds what waits. `cleanup` says when sweep looks for files that the job does not name:
at `at`, and once more at `until`, when nothing that began before can still be writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from functions.common.errors import GAVE_UP
from functions.common.settings import Periods

RECEIVING, READY, CONVERTING, DONE, FAILED, ABORTED, DELETING = (
    "receiving",
    "ready",
    "converting",
    "done",
    "failed",
    "aborted",
    "deleting",
)
NONE, CLAIMED, HANDING_OVER, SENT, UNKNOWN, MAIL_FAILED = (
    "none",
    "claimed",
    "handing_over",
    "sent",
    "unknown",
    "failed",
)

Document = dict[str, Any]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Moment(NamedTuple):
    """What a row's values may depend on: the database's clock, the periods, and what the caller gives."""

    now: datetime
    periods: Periods
    given: Mapping[str, Any] = _NOTHING

    def after(self, seconds: float) -> datetime:
        """Return the moment `seconds` later, in the whole milliseconds that MongoDB keeps."""
        later = self.now + timedelta(seconds=seconds)
        return later.replace(microsecond=later.microsecond // 1000 * 1000)


Value = Callable[[Moment], Any]


def now(moment: Moment) -> datetime:
    """Stand for the moment of the change."""
    return moment.after(0)


def after(period: str) -> Value:
    """Stand for the end of a period, named as in Periods, that begins now."""
    return lambda moment: moment.after(getattr(moment.periods, period))


def length(period: str) -> Value:
    """Stand for a period's length in seconds."""
    return lambda moment: getattr(moment.periods, period)


def keep(period: str) -> Value:
    """Stand for the end of a time of keeping, in days, that begins now."""
    return lambda moment: moment.after(getattr(moment.periods, period) * 86_400)


def given(name: str) -> Value:
    """Stand for what the caller gives under this name."""
    return lambda moment: moment.given[name]


def fixed(value: Any) -> Value:
    """Stand for the same value always."""
    return lambda moment: value


def lease(period: str) -> Value:
    """Stand for a lease's end: a period from now, but never past the step's own deadline (rule 5)."""
    return lambda moment: min(moment.after(getattr(moment.periods, period)), moment.given["deadline"])


def over(moment: Moment) -> Document:
    """Require that the time has come."""
    return {"$lte": moment.after(0)}


def not_before(moment: Moment) -> Document:
    """Require that the time has come or that there is none."""
    return {"$not": {"$gt": moment.after(0)}}


def may_try_again(moment: Moment) -> Document:
    """Require that there are attempts left (rule 6)."""
    return {"$lt": moment.periods.max_attempts}


def tried_enough(moment: Moment) -> Document:
    """Require that there are no attempts left (rule 6)."""
    return {"$gte": moment.periods.max_attempts}


class Transition(NamedTuple):
    """One row: who may take a job from where to where, and what else changes."""

    name: str
    who: str
    source: tuple[str, ...]
    target: str | None  # None: the state stays
    mail: tuple[str, ...] = ()  # mail states it may start from; none named: any
    mail_target: str | None = None
    when: Mapping[str, Value] = _NOTHING
    sets: Mapping[str, Value] = _NOTHING
    adds: Mapping[str, int] = _NOTHING
    least: Mapping[str, Value] = _NOTHING
    most: Mapping[str, Value] = _NOTHING
    drops: tuple[str, ...] = ()


def condition(row: Transition, job_id: str, moment: Moment) -> Document:
    """Return the query that finds the job if, and only if, the row may be applied to it."""
    query: Document = {"_id": job_id, "state": {"$in": list(row.source)}}
    if row.mail:
        query["mail.state"] = {"$in": list(row.mail)}
    return query | {path: rule(moment) for path, rule in row.when.items()}


def change(row: Transition, moment: Moment) -> Document:
    """Return the update that the row makes, in MongoDB's update operators."""
    sets = {path: value(moment) for path, value in row.sets.items()} | {"updated_at": now(moment)}
    if row.target:
        sets["state"] = row.target
    if row.mail_target:
        sets["mail.state"] = row.mail_target
    update: Document = {"$set": sets}
    if row.adds:
        update["$inc"] = dict(row.adds)
    for operator, values in (("$min", row.least), ("$max", row.most)):
        if values:
            update[operator] = {path: value(moment) for path, value in values.items()}
    if row.drops:
        update["$unset"] = dict.fromkeys(row.drops, "")
    return update


def trace(row: Transition, moment: Moment) -> Document:
    """Return what the document shows, path by path, right after the row was applied by the one who gives this.

    The claim is part of it, the epoch or the token: somebody else's change of the same kind looks the same but for it.
    """
    claim = {path: rule(moment) for path, rule in row.when.items() if rule in _CLAIMS}
    shown = {path: value + row.adds.get(path, 0) if path == "epoch" else value for path, value in claim.items()}
    kept = {path: value for path, value in shown.items() if path not in row.drops}
    sets: Document = change(row, moment)["$set"]
    return kept | sets


# What several rows have in common.
_CLAIMS = (given("epoch"), given("token"))
_SAME_EPOCH = {"epoch": _CLAIMS[0]}
_SAME_TOKEN = {"mail.token": _CLAIMS[1]}
_LEASE_OVER = _SAME_EPOCH | {"lease.until": over}
_ANNOUNCE_LATER = {"announced_at": now, "announce_gap": length("announce_gap"), "announce_due": given("retry_at")}
_ANNOUNCE = _ANNOUNCE_LATER | {"announce_due": after("announce_gap")}
_CLEAN_SOON = {"cleanup.at": after("announce_gap")}
_CLEAN_AT_ONCE = {"cleanup.at": now}
_CLEAN_LAST = {"cleanup.until": after("longest_step")}
_KEEP_FAILED = {"expires.video": keep("video_keep_days"), "expires.job": keep("job_keep_days")}
_KEEP_DONE = _KEEP_FAILED | {"expires.mp3": keep("mp3_keep_days")}
_ENDED = (DONE, FAILED)
_MAIL_OVER = _SAME_TOKEN | {"mail.until": over}
_MAIL_CLAIM = ("mail.token", "mail.until")
_GAVE_UP = fixed({"code": GAVE_UP.code, "title": GAVE_UP.title})

RENEW_UPLOAD = Transition(
    "renew_upload", "upload", (RECEIVING,), None, when=_SAME_EPOCH, sets={"lease.until": lease("upload_lease")}
)
ACCEPT = Transition(
    "accept",
    "upload",
    (RECEIVING,),
    READY,
    when=_SAME_EPOCH,
    drops=("lease",),
    sets=_ANNOUNCE | {"size": given("size"), "sha256": given("sha256"), "options": given("options")},
)
ABORT = Transition(
    "abort", "upload", (RECEIVING,), ABORTED, when=_SAME_EPOCH, drops=("lease",), least=_CLEAN_SOON, most=_CLEAN_LAST
)
ABANDON = Transition(
    "abandon",
    "sweep",
    (RECEIVING,),
    ABORTED,
    when=_LEASE_OVER,
    adds={"epoch": 1},
    drops=("lease",),
    least=_CLEAN_AT_ONCE,
    most=_CLEAN_LAST,
)

CLAIM = Transition(
    "claim",
    "convert",
    (READY,),
    CONVERTING,
    when=_SAME_EPOCH | {"retry_at": not_before},
    sets={
        "claimed_at": now,
        "progress": fixed(0),
        "lease.holder": given("holder"),
        "lease.until": after("convert_lease"),
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
    sets={"lease.until": lease("convert_lease")},
    most={"progress": given("progress")},
)
FINISH = Transition(
    "finish",
    "convert",
    (CONVERTING,),
    DONE,
    when=_SAME_EPOCH,
    drops=("lease", "error"),
    sets=_ANNOUNCE | _KEEP_DONE | {"mp3": given("mp3"), "progress": fixed(100)},
    least=_CLEAN_SOON,
    most=_CLEAN_LAST,
)
FAIL = Transition(
    "fail",
    "convert",
    (CONVERTING,),
    FAILED,
    when=_SAME_EPOCH,
    drops=("lease",),
    sets=_ANNOUNCE | _KEEP_FAILED | {"error": given("error")},
    least=_CLEAN_SOON,
    most=_CLEAN_LAST,
)
POSTPONE = Transition(
    "postpone",
    "convert",
    (CONVERTING,),
    READY,
    when=_SAME_EPOCH | {"attempts": may_try_again},
    drops=("lease",),
    sets=_ANNOUNCE_LATER | {"retry_at": given("retry_at")},
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
    when=_LEASE_OVER | {"attempts": may_try_again},
    sets=_ANNOUNCE,
    adds={"epoch": 1},
    drops=("lease",),
)
GIVE_UP = Transition(
    "give_up",
    "sweep",
    (CONVERTING,),
    FAILED,
    when=_LEASE_OVER | {"attempts": tried_enough},
    adds={"epoch": 1},
    sets=_ANNOUNCE | _KEEP_FAILED | {"error": _GAVE_UP},
    drops=("lease",),
    least=_CLEAN_SOON,
    most=_CLEAN_LAST,
)
RETRY = Transition(
    "retry",
    "jobs",
    (FAILED,),
    READY,
    when=_SAME_EPOCH | {"video_expired_at": fixed(None)},
    mail_target=NONE,
    sets=_ANNOUNCE | {"attempts": fixed(0), "progress": fixed(0), "mail.attempts": fixed(0)},
    adds={"epoch": 1, "mail.run": 1},
    drops=(*_MAIL_CLAIM, "mail.retry_at", "mail.message_id", "error", "expires", "cleanup"),
)

_SEND_AGAIN = {"announced_at": now, "announce_gap": given("gap"), "announce_due": lambda m: m.after(m.given["gap"])}
_NOT_SENT_SINCE = _SAME_EPOCH | {"announced_at": given("announced_at"), "announce_due": over}
ANNOUNCE_READY = Transition("announce_ready", "sweep", (READY,), None, when=_NOT_SENT_SINCE, sets=_SEND_AGAIN)
ANNOUNCE_END = Transition("announce_end", "sweep", _ENDED, None, mail=(NONE,), when=_NOT_SENT_SINCE, sets=_SEND_AGAIN)

CLAIM_MAIL = Transition(
    "claim_mail",
    "notify",
    _ENDED,
    None,
    mail=(NONE,),
    mail_target=CLAIMED,
    when={"mail.run": given("run"), "mail.retry_at": not_before},
    sets={"mail.token": given("token"), "mail.until": after("mail_lease")},
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
    sets={"mail.until": after("mail_unknown"), "mail.message_id": given("message_id")},
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
POSTPONE_MAIL = Transition(
    "postpone_mail",
    "notify",
    _ENDED,
    None,
    mail=(CLAIMED, HANDING_OVER),
    mail_target=NONE,
    when=_SAME_TOKEN | {"mail.attempts": may_try_again},
    sets=_ANNOUNCE_LATER | {"mail.retry_at": given("retry_at")},
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
    when=_MAIL_OVER | {"mail.attempts": may_try_again},
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
    when=_MAIL_OVER | {"mail.attempts": tried_enough},
    drops=("mail.until",),
)
LOSE_MAIL = Transition(
    "lose_mail",
    "sweep",
    _ENDED,
    None,
    mail=(HANDING_OVER,),
    mail_target=UNKNOWN,
    when=_MAIL_OVER,
    drops=("mail.until",),
)
MAIL_AGAIN = Transition(
    "mail_again",
    "jobs",
    _ENDED,
    None,
    mail=(SENT, UNKNOWN, MAIL_FAILED),
    mail_target=NONE,
    when={"mail.run": given("run")},
    sets=_ANNOUNCE | {"mail.attempts": fixed(0)},
    adds={"mail.run": 1},
    drops=(*_MAIL_CLAIM, "mail.retry_at", "mail.message_id"),
)

DELETE = Transition(
    "delete",
    "jobs, sweep",
    (RECEIVING, READY, CONVERTING, DONE, FAILED, ABORTED),
    DELETING,
    when=_SAME_EPOCH,
    adds={"epoch": 1},
    drops=("lease", "retry_at", "announce_due", "expires", *_MAIL_CLAIM),
    least=_CLEAN_SOON,
    most=_CLEAN_LAST,
)
EXPIRE_VIDEO = Transition(
    "expire_video",
    "sweep",
    _ENDED,
    None,
    when=_SAME_EPOCH | {"expires.video": over},
    sets={"video_expired_at": now},
    drops=("expires.video",),
    least=_CLEAN_AT_ONCE,
    most={"cleanup.until": now},
)
EXPIRE_MP3 = Transition(
    "expire_mp3",
    "sweep",
    (DONE,),
    None,
    when=_SAME_EPOCH | {"expires.mp3": over},
    sets={"mp3.expired_at": now},
    drops=("expires.mp3",),
    least={"cleanup.at": after("download_timeout")},
    most={"cleanup.until": after("download_timeout")},
)
_SAME_CLEANUP = _SAME_EPOCH | {"cleanup.at": given("at"), "cleanup.until": given("until")}
CLEAN_AGAIN = Transition(
    "clean_again",
    "sweep",
    (DONE, FAILED, ABORTED, DELETING),
    None,
    when=_SAME_CLEANUP,
    sets={"cleanup.at": given("until")},
)
CLEAN_LATER = Transition(
    "clean_later",
    "sweep",
    (DONE, FAILED, ABORTED, DELETING),
    None,
    when=_SAME_CLEANUP,
    sets={"cleanup.at": after("announce_gap")},
)
CLEANED = Transition("cleaned", "sweep", _ENDED, None, when=_SAME_CLEANUP, drops=("cleanup",))

TABLE: tuple[Transition, ...] = tuple(row for row in list(globals().values()) if isinstance(row, Transition))

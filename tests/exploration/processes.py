"""The processes of the exploration: the real steps of upload, convert, notify, jobs and sweep."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from functions.backends.jobs import Jobs
from functions.backends.usage import Usage
from functions.common.bearer import Bearer
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.options import WEBHOOK, Options
from functions.common.settings import Periods, Quotas, WebhookTargets
from functions.common.values import Document
from functions.common.webhooks import AddressOf
from functions.convert import conversion
from functions.convert.engine import Made
from functions.convert.watch import Watch
from functions.jobs import actions
from functions.notify import mailing, posting
from functions.notify.posting import Outcome
from functions.sweep.repairs import REPAIRS, Repair
from functions.sweep.sweeper import Sweeper
from functions.upload import admission, intake
from functions.upload.admission import Admitted, Stores
from functions.upload.body import Video
from tests.exploration.ports import AtomicDeleteFiles, Collection, Files, Mailer, Pause, Queue, Script, Uncounted

JOB = "00000000-0000-4000-8000-000000000000"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(4096)

# Time stands still and every period is over as soon as it starts: sweep may take anything that waits for a time
# at any moment. That allows more than real clocks do, and needs no clock in the state. Only the lease of a webhook
# lasts until nothing else runs, because what was claimed is sent once more when it is over.
_INSTANT = ("upload_lease", "convert_lease", "mail_lease", "mail_unknown", "announce_gap", "retry_delay")


class _Periods(Periods):
    """Periods that allow two attempts of a mail or webhook, though no time passes between them."""

    @property
    def mail_attempts(self) -> int:
        return 2

    @property
    def webhook_attempts(self) -> int:
        return 2


PERIODS = load(_Periods, {}).replace(max_attempts=2, **dict.fromkeys(_INSTANT, 0.0))
# The place of an upload outlives the time in which the job follows it.
COUNTING_PERIODS = PERIODS.replace(upload_lease=1.0)
# A webhook's lease may be over while it is being sent.
LATE_PERIODS = PERIODS.replace(webhook_lease=0.0)
QUOTAS = load(Quotas, {})
NEXT_DAY = NOW + timedelta(days=2)
LATE = NOW + timedelta(seconds=PERIODS.longest_step)


def _jobs(script: Script, now: datetime = NOW, periods: Periods = PERIODS) -> Jobs:
    return Jobs(Collection(script), lambda: now, periods)  # type: ignore[arg-type]


def _usage(script: Script, now: datetime) -> Usage:
    jobs = Jobs(Collection(script), lambda: now, COUNTING_PERIODS)  # type: ignore[arg-type]
    return Usage(Collection(script, "usage"), jobs)  # type: ignore[arg-type]


class Clock:
    """The processes' own clock: it advances only during work, so that leases are renewed there."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds

    def sleep(self, _seconds: float) -> None:
        """Let no time pass: pauses only make it less likely that processes meet."""

    def work(self) -> None:
        """Let time pass."""
        self.seconds += 1.0


CLOCK = Clock()


def _blocks() -> Iterator[bytes]:
    yield MP4[:4100]
    CLOCK.work()
    yield MP4[4100:]


def upload(script: Script) -> None:
    """Upload the video, answer 202, and announce the job."""
    admitted = Admitted(JOB, Uncounted(), lambda: None)  # type: ignore[arg-type]
    job = _store(script, admitted)
    script.do("acknowledge")
    Queue(script).announce([job])


def counted_upload(script: Script) -> None:
    """Upload the video with a place in its owner's quotas; the job is announced by sweep."""
    stores = Stores(_jobs(script), Files(script), _usage(script, NOW), None)  # type: ignore[arg-type]
    with admission.admitted("1", 5, None, QUOTAS, stores) as admitted:
        job = _store(script, admitted)
    script.do("acknowledge")
    admission.settle(admitted, job)


def _store(script: Script, admitted: Admitted) -> Document:
    # Whether the account has a webhook makes too many states here: others begin with a job that has ended.
    video = Video("a.mp4", _blocks(), load(WebhookTargets, {}), [(WEBHOOK, "")])
    ports = {"jobs": _jobs(script), "files": Files(script)}
    return intake.store(video, admitted, Bearer("1", "a@example.org"), None, **ports)  # type: ignore[arg-type]


def count_again(script: Script) -> None:
    """Count the owner's jobs, at a moment when running uploads are alive."""
    _usage(script, NOW).count_again("1")


def count_late(script: Script) -> None:
    """Count the owner's jobs as sweep does, a day later."""
    usage = _usage(script, NEXT_DAY)
    for user in usage.due(1):
        usage.count_due(user)


def convert(script: Script, name: str, usage: Any = None) -> None:
    """Convert the video, with one progress report in the middle."""

    stopping = Event()

    def encode(_source: Path, target: Path, _options: Options, watch: Watch) -> Made:
        if script.do("encode") == "stop":
            stopping.set()
        CLOCK.work()
        watch.beat(1.0)
        target.write_bytes(b"mp3")
        return Made(1.0, ())

    ports = {"jobs": _jobs(script), "files": Files(script), "queue": Queue(script), "usage": usage or Uncounted()}
    conversion.run(JOB, **ports, encode=encode, holder=name, stopping=stopping)  # type: ignore[arg-type]


def notify(script: Script, name: str, *, stopped: bool = False) -> None:
    """Mail the job's result; hand it back if the process is told to stop."""

    def compose(job: dict[str, Any]) -> Any:
        return {"Message-ID": f"<{job['_id']}>", "run": job["mail"]["run"]}

    stopping = Event()
    if stopped:
        stopping.set()
    ports = {"jobs": _jobs(script), "mailer": Mailer(script)}
    mailing.run(JOB, **ports, compose=compose, wanted=lambda _user: True, token=name, stopping=stopping)  # type: ignore[arg-type]


def post(script: Script, name: str, periods: Periods = PERIODS) -> None:
    """Send the webhook about the job's result."""

    def send(job: Document, _url: str) -> Outcome:
        return Outcome(script.do("post", f"{job['_id']}.{job['epoch']}"))

    jobs = _jobs(script, periods=periods)
    posting.run(JOB, jobs=jobs, address=_address(script), send=send, token=name, stopping=Event())


def _address(script: Script) -> AddressOf:
    def find(job: Document) -> str | None:
        url: str | None = job["webhook"].get("url")
        # Whether an account was closed makes too many states of a job that has its own address.
        return url or script.do("find_address")

    return find


def tell(script: Script, name: str) -> None:
    """Mail the job's result, then send the webhook, as notify does for one event."""
    notify(script, name)
    post(script, f"{name} too")


class StrictSweeper(Sweeper):
    """A sweeper that stops at unexpected exceptions, which a real one only logs."""

    @contextlib.contextmanager
    def isolate(self, _job: Document) -> Iterator[None]:
        """Suppress only failures of backends."""
        with contextlib.suppress(Failure):
            yield


def sweep(script: Script, repair: Repair, now: datetime) -> None:
    """Run one of sweep's repairs: they are independent, so a pass is any sequence of them."""
    sweeper = StrictSweeper(_jobs(script, now), Files(script), Queue(script), Uncounted())  # type: ignore[arg-type]
    repair.run(sweeper, repair.due(sweeper.jobs, sweeper.max_jobs))


def delete(script: Script) -> None:
    """Delete the job for its owner, and confirm it at the end."""
    files = AtomicDeleteFiles(script)
    actions.delete(JOB, owner="1", jobs=_jobs(script), files=files)  # type: ignore[arg-type]
    script.do("confirm_deletion")


def revoke(script: Script) -> None:
    """Revoke the job's links for its owner, and confirm it at the end."""
    actions.revoke_links(JOB, owner="1", jobs=_jobs(script))
    script.do("confirm_revocation")


def post_again(script: Script) -> None:
    """Send the webhook once more for its owner."""
    jobs, queue = _jobs(script), Queue(script)
    actions.send_webhook(JOB, owner="1", jobs=jobs, queue=queue, address=_address(script))  # type: ignore[arg-type]


def close_account(script: Script) -> None:
    """Close the account of the job's owner, whose webhooks go nowhere then."""
    script.do("close_account")


def retry(script: Script) -> None:
    """Retry a failed job for its owner."""
    actions.retry(JOB, owner="1", jobs=_jobs(script), queue=Queue(script))  # type: ignore[arg-type]


def convert_again(script: Script, usage: Any) -> None:
    """Have the job converted with other options for its owner, in a place of the quotas."""
    again = actions.Again(Options(bitrate=64), usage, QUOTAS)
    actions.retry(JOB, owner="1", jobs=_jobs(script), queue=Queue(script), again=again)  # type: ignore[arg-type]


def change_and_convert(script: Script, name: str) -> None:
    """Have the job converted with other options, and convert it at once."""
    convert_again(script, Uncounted())
    convert(script, name)


def retry_and_convert(script: Script, name: str) -> None:
    """Retry a failed job and convert it at once: a separate converter would make too many states."""
    retry(script)
    convert(script, name)


PROGRAMS: dict[str, Callable[[Script, str], None]] = {
    "upload": lambda script, _name: upload(script),
    "counted upload": lambda script, _name: counted_upload(script),
    "counted convert": lambda script, name: convert(script, name, _usage(script, NOW)),
    "count again": lambda script, _name: count_again(script),
    "late count": lambda script, _name: count_late(script),
    "delete": lambda script, _name: delete(script),
    "revoke": lambda script, _name: revoke(script),
    "retry": lambda script, _name: retry(script),
    "retry and convert": retry_and_convert,
    "change": lambda script, _name: convert_again(script, Uncounted()),
    "change and convert": change_and_convert,
    "counted change": lambda script, _name: convert_again(script, _usage(script, NOW)),
    "convert": convert,
    "notify": notify,
    "post": post,
    "late post": lambda script, name: post(script, name, LATE_PERIODS),
    "tell": tell,
    "post again": lambda script, _name: post_again(script),
    "close": lambda script, _name: close_account(script),
    "stopped notify": lambda script, name: notify(script, name, stopped=True),
}

# A repair can run at any moment; a late one when nothing that started earlier can still be running.
SWEEPS = [repair.name for repair in REPAIRS]
LATE_SWEEPS = [*(f"late {name}" for name in SWEEPS), "late count"]


def _sweep_program(repair: Repair, moment: datetime) -> Callable[[Script, str], None]:
    return lambda script, _name: sweep(script, repair, moment)


for _repair in REPAIRS:
    PROGRAMS[_repair.name] = _sweep_program(_repair, NOW)
    PROGRAMS[f"late {_repair.name}"] = _sweep_program(_repair, LATE)


ENDED = ("end",)


def next_operation(program: str, name: str, answers: list[tuple[str, Any]]) -> tuple[Any, ...]:
    """Return a process's next operation after these answers, or ENDED."""
    script = Script(answers)
    # A failure is an answer of 4xx or 503, which ends the request.
    with contextlib.suppress(Pause, Failure):
        PROGRAMS[program](script, name)
    return script.pending or ENDED

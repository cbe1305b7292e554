"""The checker: once the system is idle, it counts what was lost, duplicated or left behind."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tests.chaos.leftovers import GONE, all_leftovers, dead_letters
from tests.clients import web

if TYPE_CHECKING:
    from tests.chaos.system import ProxiedSystem
    from tests.clients.database import Inspector
    from tests.unit.backends.receiver import Receiver

Job = dict[str, Any]

WEBHOOK_ENDS = ("sent", "failed", "declined")
MAIL_ENDS = ("sent", "unknown", "failed", "declined")
# The files of an overtaken process are deleted by sweep's last check, when it can no longer be writing.
LEFT_SECONDS = 45
PAUSE_SECONDS = 0.5


@dataclass
class Report:
    """The outcome of all uploads; `problems` describes every violation."""

    uploaded: int
    acknowledged: int
    done: int = 0
    failed: int = 0
    deleted: int = 0
    lost: int = 0
    duplicated: int = 0
    mails: int = 0
    unknown_mails: int = 0
    declined_mails: int = 0
    webhooks: int = 0
    dead_letters: int = 0
    orphans: int = 0
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return a table to print."""
        counts = [each.name for each in fields(self) if each.name != "problems"]
        lines = [f"{name.replace('_', ' '):>14}  {getattr(self, name)}" for name in counts]
        return "\n".join([*lines, *(f"       PROBLEM  {problem}" for problem in self.problems)])


def check(
    system: ProxiedSystem,
    acknowledged: Collection[str],
    uploaded: int,
    deleted: Collection[str] = (),
    timeout: float = LEFT_SECONDS,
) -> Report:
    """Check everything that the system holds, after `settle()`.

    `acknowledged` are the ids that clients were given, `deleted` those among them that were deleted since. Leftovers
    may take `timeout` seconds to disappear.
    """
    report = Report(uploaded, len(acknowledged))
    left = _remaining_leftovers(system, timeout)
    report.orphans = len(left)
    report.problems += left
    jobs: dict[str, Job] = {job["_id"]: job for job in system.inspector.database.jobs.find()}
    mails = _mails(system)
    _count_outcomes(system.inspector, jobs, mails, set(acknowledged), set(deleted), report)
    _count_webhooks(system.receiver, jobs, report)
    _count_duplicates(system.inspector, jobs, mails, report)
    letters = dead_letters(system)
    report.dead_letters = len(letters)
    for letter in letters:
        report.problems += letter.unexplained(jobs)
    return report


def _remaining_leftovers(system: ProxiedSystem, timeout: float) -> list[str]:
    deadline = time.monotonic() + timeout
    while (left := all_leftovers(system)) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return left


def _count_outcomes(
    inspector: Inspector,
    jobs: dict[str, Job],
    mails: Counter[str],
    acknowledged: set[str],
    deleted: set[str],
    report: Report,
) -> None:
    """Count how the acknowledged uploads ended; all other jobs must have ended too."""
    for fid in sorted(acknowledged | jobs.keys()):
        job = jobs.get(fid)
        ours = fid in acknowledged
        if fid in deleted and (job is None or job["state"] == "deleting"):
            report.deleted += ours
        elif job is None:
            _count_lost(report, [f"{fid} was acknowledged, but there is no job"])
        elif job["state"] in GONE:
            _count_lost(report, [f"{fid} was acknowledged, but is {job['state']}"] if ours else [])
        elif job["state"] not in ("done", "failed"):
            _count_lost(report, [f"{fid} is still {job['state']}"])
        else:
            report.done += ours and job["state"] == "done"
            report.failed += ours and job["state"] == "failed"
            report.unknown_mails += ours and job["mail"]["state"] == "unknown"
            report.declined_mails += job["mail"]["state"] == "declined"
            _count_lost(report, [*_files_missing(inspector, job), *_mail_missing(job, mails)])


def _count_lost(report: Report, problems: list[str]) -> None:
    report.lost += bool(problems)
    report.problems += problems


def _files_missing(inspector: Inspector, job: Job) -> Iterable[str]:
    """Report which files of an ended job are missing or incomplete."""
    fid, mp3 = job["_id"], job.get("mp3", {})
    if not job.get("video_expired_at"):
        yield from _incomplete(inspector, "videos", fid, job["size"], job["sha256"])
    if job["state"] == "done" and not mp3:
        yield f"{fid} is done, but has no MP3"
    elif job["state"] == "done" and not mp3.get("expired_at"):
        yield from _incomplete(inspector, "mp3s", mp3["file_id"], mp3["length"], mp3["sha256"])


def _incomplete(inspector: Inspector, bucket: str, file_id: str, length: int, sha256: str) -> Iterable[str]:
    if inspector.database[f"{bucket}.files"].find_one({"_id": file_id}) is None:
        yield f"{bucket} {file_id}: missing file"
    chunks = inspector.database[f"{bucket}.chunks"].find({"files_id": file_id}).sort("n", 1)
    content = b"".join(chunk["data"] for chunk in chunks)
    if (len(content), hashlib.sha256(content).hexdigest()) != (length, sha256):
        yield f"{bucket} {file_id}: {len(content)} bytes differ from the {length} that were written"


def _mails(system: ProxiedSystem) -> Counter[str]:
    """Count the mails by Message-ID, which is unique for each run of a job."""
    caught = web.call("GET", f"{system.stack.mailbox}/messages").json()
    return Counter(str(mail["message_id"]).strip("<>").partition("@")[0] for mail in caught)


def _mail_missing(job: Job, mails: Counter[str]) -> Iterable[str]:
    state, count = job["mail"]["state"], mails[f"{job['_id']}.{job['mail']['run']}"]
    if state not in MAIL_ENDS:
        yield f"{job['_id']}: its mail is still {state}"
    elif state == "sent" and count == 0:
        yield f"{job['_id']}: its mail is marked as sent, but did not arrive"
    elif state in ("failed", "declined") and count:
        yield f"{job['_id']}: its mail is marked as {state}, but arrived"


def _count_webhooks(receiver: Receiver, jobs: dict[str, Job], report: Report) -> None:
    """Count the webhooks that arrived; each that is marked as sent did, but may have arrived more than once."""
    report.webhooks = len(receiver.got)
    for fid, job in jobs.items():
        state = job.get("webhook", {}).get("state")
        if job["state"] in ("done", "failed") and state not in (None, *WEBHOOK_ENDS):
            _count_lost(report, [f"{fid}: its webhook is still {state}"])
        elif state == "declined" and "url" in job["webhook"]:
            _count_lost(report, [f"{fid}: its webhook is declined, but was asked for"])
        elif state == "sent" and not receiver.times(f"{fid}.{job['epoch']}"):
            _count_lost(report, [f"{fid}: its webhook is marked as sent, but did not arrive"])


def _count_duplicates(inspector: Inspector, jobs: dict[str, Job], mails: Counter[str], report: Report) -> None:
    """Count the jobs with more than one MP3, and the mails that were sent more than once."""
    report.mails = mails.total()
    mp3s = Counter(file_id.rpartition(".")[0] for file_id in inspector.stored("mp3s"))
    duplicates = [
        *(f"{fid}: {count} MP3s" for fid, count in mp3s.items() if count > 1),
        *(f"{count} mails {run}" for run, count in mails.items() if count > 1),
        *(f"a mail for the unknown run {run}" for run in mails if not _has_run(jobs, run)),
    ]
    report.duplicated = len(duplicates)
    report.problems += duplicates


def _has_run(jobs: dict[str, Job], run: str) -> bool:
    fid, _, number = run.rpartition(".")
    # The document of a deleted job is removed in the end.
    return fid not in jobs or int(number) <= jobs[fid]["mail"]["run"]

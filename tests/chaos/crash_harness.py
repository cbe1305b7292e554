"""The harness for crashes: a system whose crash points can be armed, and jobs whose time can be moved."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local.home import ROOT, Home
from local.processes import configuration
from local.processes.supervisor import clean_environment
from tests.chaos.leftovers import GONE, quick_leftovers
from tests.chaos.system import ProxiedSystem, start_system
from tests.clients import web
from tests.clients.waiting import until, until_gone

# Retries come quickly. Leases are long, so that none expires early on a slow machine: the test moves a dead process's
# lease into the past.
PERIODS = {
    "UPLOAD_LEASE_SECONDS": "6",
    "CONVERT_LEASE_SECONDS": "20",
    "MAIL_LEASE_SECONDS": "20",
    "MAIL_UNKNOWN_SECONDS": "30",
    "WEBHOOK_LEASE_SECONDS": "20",
    "UPLOAD_TIMEOUT_SECONDS": "60",
    "CONVERT_TIMEOUT_SECONDS": "60",
    "DOWNLOAD_TIMEOUT_SECONDS": "1",
    "MONGODB_TIMEOUT_SECONDS": "3",
    "ANNOUNCE_GAP_SECONDS": "0.5",
    "ANNOUNCE_GAP_MAX_SECONDS": "2",
    "RETRY_DELAY_SECONDS": "0.5",
    "MAX_ATTEMPTS": "2",
    "MAIL_KEEP_TRYING_HOURS": "0.0001",
    "WEBHOOK_KEEP_TRYING_HOURS": "0.0001",
    "SWEEP_EVERY_SECONDS": "0.25",
    "CONNECTOR_BACKOFF_SECONDS": "0.1",
}
HOUR = timedelta(hours=1)
CRASH_SECONDS = 30.0
END_SECONDS = 60.0
COMMAND_SECONDS = 60
TRIES = 10
KILLED = -9

Job = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a job must end: its state, its mail's, and how many mails arrived; the same of its webhook.

    Most have none: it was not asked for, and the account has none either. `gone` leaves nothing.
    """

    state: str
    mail: str = "sent"
    mails: int = 1
    webhook: str = "declined"
    webhooks: int = 0


@dataclass
class Harness:
    """A system, the folder that arms crash points, and the uploads so far."""

    system: ProxiedSystem
    folder: Path
    videos: Path
    uploaded: int = 0
    acknowledged: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    _ids: dict[str, str] = field(default_factory=dict)  # of names; a search for a name reads all jobs

    def arm(self, step: str) -> None:
        """Make the next process that passes this step crash."""
        (self.folder / step).touch()

    def armed(self, step: str) -> bool:
        """Tell whether no process has crashed at this step yet."""
        return (self.folder / step).exists()

    def await_crash(self, step: str) -> None:
        """Wait until a process has crashed at this step."""
        until(lambda: not self.armed(step), f"a crash at {step}", CRASH_SECONDS)

    def passed(self) -> set[str]:
        """Return all steps that any process has passed."""
        return {path.name for path in (self.folder / "passed").iterdir()}

    def send(self, name: str, video: Path, **options: str) -> None:
        """Upload a video under this name, with any result."""
        self.uploaded += 1
        try:
            answer = web.upload(self.system.url("upload"), self.system.owner.token, video, name, **options)
        except (OSError, http.client.HTTPException):  # it crashed while answering
            return
        assert answer.status in (202, 503), answer
        if answer.status == 202:
            self.acknowledged.add(answer.json()["id"])

    def find(self, name: str) -> Job | None:
        """Return the job with this name, if there is one."""
        if name in self._ids:
            return self.system.inspector.database.jobs.find_one({"_id": self._ids[name]})
        found = self.system.inspector.jobs_named(name)
        assert len(found) <= 1, found
        if not found:
            return None
        self._ids[name] = found[0]["_id"]
        return found[0]

    def job(self, name: str) -> Job:
        """Return the job with this name."""
        return until(lambda: self.find(name), f"a job {name}")

    def let_time_pass(self, name: str, length: timedelta = HOUR) -> bool:
        """Move all times in a job into the past; return False if the job is gone, or changes all the time.

        A running database's clock cannot be changed, but it is only used to compare with these times.
        """
        for _ in range(TRIES):
            job = self.find(name)
            if job is None:
                return False
            unchanged = {"_id": job["_id"], "epoch": job["epoch"], "updated_at": job["updated_at"]}
            if self.system.inspector.database.jobs.replace_one(unchanged, _earlier(job, length)).matched_count:
                return True
        return False

    def await_outcome(self, name: str, outcome: Outcome) -> None:
        """Wait until a job has ended like this; there must be no other with its name."""
        until_gone(lambda: self._differences(name, outcome), f"differences of job {name}", END_SECONDS)
        assert len(self.system.inspector.jobs_named(name)) <= 1, name

    def cleaned(self, name: str) -> bool:
        """Tell whether sweep has checked the files of an ended job once, and will check them once more."""
        job = self.job(name)
        over = job["state"] in GONE or job["mail"]["state"] == "sent"
        return over and "cleanup" in job and job["cleanup"]["at"] == job["cleanup"]["until"]

    def await_clean(self) -> None:
        """Wait until every leftover is gone."""
        until_gone(lambda: quick_leftovers(self.system), "leftovers", END_SECONDS)

    def command(self, *words: str) -> int:
        """Run the operator's command line; return its exit status, KILLED if it crashed at a step."""
        home = Home(self.system.stack.home)
        environment = {
            **clean_environment(home),
            **configuration.read_operator(home),
            "FUNCTION_TARGET": "jobs",
            "CRASH_FOLDER": str(self.folder),
        }
        command = [sys.executable, "-m", "functions.jobs", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, timeout=COMMAND_SECONDS, check=False).returncode

    def _differences(self, name: str, outcome: Outcome) -> list[str]:
        job = self.find(name)
        if job is None or job["state"] in GONE:
            return [] if outcome.state == "gone" else [f"gone instead of {outcome}"]
        webhook, webhooks = job.get("webhook", {}).get("state", ""), self.system.receiver.times(job["_id"])
        seen = Outcome(job["state"], job["mail"]["state"], outcome.mails, webhook, webhooks)
        if seen == outcome:  # only now, because this reads all mails
            seen = replace(seen, mails=self.system.mailbox.count(job["_id"], job["email"]))
        return [*([] if seen == outcome else [f"{seen} instead of {outcome}"]), *self._expired_files(job)]

    def _expired_files(self, job: Job) -> list[str]:
        marks = {"videos": job.get("video_expired_at"), "mp3s": job.get("mp3", {}).get("expired_at")}
        buckets = [bucket for bucket, mark in marks.items() if mark]
        return [f"{bucket} {file}" for bucket in buckets for file in self.system.inspector.files(bucket, job["_id"])]


@contextmanager
def start_harness(folder: Path, videos: Path) -> Iterator[Harness]:
    """Yield a harness whose system ends with this block."""
    (folder / "passed").mkdir(parents=True)
    with start_system({**PERIODS, "CRASH_FOLDER": str(folder)}) as system:
        yield Harness(system, folder, videos)


def _earlier(value: Any, length: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _earlier(inner, length) for key, inner in value.items()}
    return value - length if isinstance(value, datetime) else value

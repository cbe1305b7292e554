"""Where processes are made to die: an arena whose crash points can be armed, and jobs whose time can be let pass."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local.home import ROOT, Home
from local.processes import configuration
from local.processes.supervisor import clean_environment
from tests.chaos.arena import Arena, arena
from tests.chaos.leftovers import GONE, lying_about
from tests.clients import web
from tests.clients.waiting import until, until_gone

# What waits for another try waits shortly. Leases are long, so that a slow machine ends none of them: the lease of a
# process that died ends when the test lets the time of its job pass.
PERIODS = {
    "UPLOAD_LEASE_SECONDS": "6",
    "CONVERT_LEASE_SECONDS": "20",
    "MAIL_LEASE_SECONDS": "20",
    "MAIL_UNKNOWN_SECONDS": "30",
    "UPLOAD_TIMEOUT_SECONDS": "60",
    "CONVERT_TIMEOUT_SECONDS": "60",
    "DOWNLOAD_TIMEOUT_SECONDS": "1",
    "MONGODB_TIMEOUT_SECONDS": "3",
    "ANNOUNCE_GAP_SECONDS": "0.5",
    "ANNOUNCE_GAP_MAX_SECONDS": "2",
    "RETRY_DELAY_SECONDS": "0.5",
    "MAX_ATTEMPTS": "2",
    "SWEEP_EVERY_SECONDS": "0.25",
    "CONNECTOR_BACKOFF_SECONDS": "0.1",
}
HOUR = timedelta(hours=1)
CRASH_SECONDS = 30.0
END_SECONDS = 60.0
COMMAND_SECONDS = 60
KILLED = -9

Job = dict[str, Any]


@dataclass(frozen=True)
class Fate:
    """How a job must end: its state, its mail's, and how many mails came; `gone` is one that leaves nothing."""

    state: str
    mail: str = "sent"
    mails: int = 1


@dataclass
class Ground:
    """An arena, the folder that arms crash points, and what was sent to the arena so far."""

    arena: Arena
    folder: Path
    videos: Path
    uploaded: int = 0
    acknowledged: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def arm(self, step: str) -> None:
        """Let whoever passes this step next die there."""
        (self.folder / step).touch()

    def armed(self, step: str) -> bool:
        """Tell whether nobody has died at this step yet."""
        return (self.folder / step).exists()

    def await_crash(self, step: str) -> None:
        """Wait until somebody has died at this step."""
        until(lambda: not self.armed(step), f"a crash at {step}", CRASH_SECONDS)

    def passed(self) -> set[str]:
        """Return every step that anybody has passed."""
        return {path.name for path in (self.folder / "passed").iterdir()}

    def send(self, name: str, video: Path) -> None:
        """Upload a video under this name, whatever comes of it."""
        self.uploaded += 1
        try:
            answer = web.upload(self.arena.url("upload"), self.arena.owner.token, video, name)
        except (OSError, http.client.HTTPException):  # it died in the middle of its answer
            return
        assert answer.status in (202, 503), answer
        if answer.status == 202:
            self.acknowledged.add(answer.json()["id"])

    def find(self, name: str) -> Job | None:
        """Return the job of this name, if there is one."""
        found = self.arena.inspector.jobs_named(name)
        assert len(found) <= 1, found
        return found[0] if found else None

    def job(self, name: str) -> Job:
        """Return the job of this name."""
        return until(lambda: self.find(name), f"a job {name}")

    def time_passes(self, name: str, length: timedelta = HOUR) -> bool:
        """Move all moments in a job back, as if it had lain there for so long; tell whether it lay there indeed.

        A running database's clock cannot be turned, but nothing looks at it except to compare it with these moments.
        """
        job = self.find(name)
        if job is None:
            return False
        as_it_lay = {"_id": job["_id"], "epoch": job["epoch"], "updated_at": job["updated_at"]}
        return self.arena.inspector.database.jobs.replace_one(as_it_lay, _earlier(job, length)).matched_count == 1

    def await_fate(self, name: str, fate: Fate) -> None:
        """Wait until a job has ended so."""
        until_gone(lambda: self._unlike(name, fate), f"what job {name} is not to be", END_SECONDS)

    def cleaned(self, name: str) -> bool:
        """Tell whether sweep has looked at the files of a job that has ended, once, and will look once more."""
        job = self.job(name)
        over = job["state"] in GONE or job["mail"]["state"] == "sent"
        return over and "cleanup" in job and job["cleanup"]["at"] == job["cleanup"]["until"]

    def await_order(self) -> None:
        """Wait until nothing is left that no job accounts for."""
        until_gone(lambda: lying_about(self.arena), "what no job accounts for", END_SECONDS)

    def command(self, *words: str) -> int:
        """Run the operator's command line; return its exit status, KILLED for one that died at a step."""
        home = Home(self.arena.stack.home)
        environment = {
            **clean_environment(home),
            **configuration.read_operator(home),
            "FUNCTION_TARGET": "jobs",
            "CRASH_FOLDER": str(self.folder),
        }
        command = [sys.executable, "-m", "functions.jobs", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, timeout=COMMAND_SECONDS, check=False).returncode

    def _unlike(self, name: str, fate: Fate) -> list[str]:
        job = self.find(name)
        if job is None or job["state"] in GONE:
            return [] if fate.state == "gone" else [f"gone, and not {fate}"]
        count = self.arena.mailbox.count(job["_id"], job["email"])
        seen = Fate(job["state"], job["mail"]["state"], count)
        return [*([] if seen == fate else [f"{seen}, and not {fate}"]), *self._expired_files(job)]

    def _expired_files(self, job: Job) -> list[str]:
        marks = {"videos": job.get("video_expired_at"), "mp3s": job.get("mp3", {}).get("expired_at")}
        buckets = [bucket for bucket, mark in marks.items() if mark]
        return [f"{bucket} {file}" for bucket in buckets for file in self.arena.inspector.files(bucket, job["_id"])]


@contextmanager
def ground(folder: Path, videos: Path) -> Iterator[Ground]:
    """Yield a ground whose arena ends with this block."""
    (folder / "passed").mkdir(parents=True)
    with arena({**PERIODS, "CRASH_FOLDER": str(folder)}) as place:
        yield Ground(place, folder, videos)


def _earlier(value: Any, length: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _earlier(inner, length) for key, inner in value.items()}
    return value - length if isinstance(value, datetime) else value

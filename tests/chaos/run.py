"""The chaos run: uploads during random faults, then recovery, then the checker; the seed decides everything random."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos import checker, corpus, schedule
from tests.chaos.checker import Report
from tests.chaos.clients import Clients
from tests.chaos.faults import Faults
from tests.chaos.system import ProxiedSystem, start_system
from tests.unit.backends.receiver import OK, answering

# Short enough that leases expire and retries run out during the run.
PERIODS = {
    "ANNOUNCE_GAP_SECONDS": "2",
    "ANNOUNCE_GAP_MAX_SECONDS": "4",
    "RETRY_DELAY_SECONDS": "1",
    "MAX_ATTEMPTS": "8",
    "UPLOAD_LEASE_SECONDS": "4",
    "CONVERT_LEASE_SECONDS": "4",
    "MAIL_LEASE_SECONDS": "4",
    "MAIL_UNKNOWN_SECONDS": "6",
    "WEBHOOK_LEASE_SECONDS": "4",
    "WEBHOOK_TIMEOUT_SECONDS": "2",
    "UPLOAD_TIMEOUT_SECONDS": "15",
    "CONVERT_TIMEOUT_SECONDS": "15",
    "DOWNLOAD_TIMEOUT_SECONDS": "10",
    "IDLE_TIMEOUT_SECONDS": "5",
    "MONGODB_TIMEOUT_SECONDS": "3",
    "PUBLISH_TIMEOUT_SECONDS": "2",
    "MYSQL_TIMEOUT_SECONDS": "2",
    "SMTP_TIMEOUT_SECONDS": "3",
    "SMTP_FINAL_TIMEOUT_SECONDS": "4",
    "SWEEP_EVERY_SECONDS": "1",
    "SWEEP_TIMEOUT_SECONDS": "10",
    "CONNECTOR_BACKOFF_SECONDS": "0.2",
}
THREADS = 24
SETTLE_SECONDS = 240.0
LONG_SECONDS = 60.0
LOG_EVERY_SECONDS = 5
SEEDS = 10_000
MAX_WORDS = 300
REFUSED_WEBHOOKS = 10
UNEXPECTED = '"message": "unexpected error"'

Log = Callable[[str], None]


class Run:
    """One schedule on one system."""

    def __init__(self, system: ProxiedSystem, seconds: float, seed: int, folder: Path, log: Log) -> None:
        corpus.make(folder)
        self.uploads = schedule.uploads(seed, seconds, corpus.samples(folder))
        self.faults = schedule.faults(seed, seconds)
        self._seconds = seconds
        self._system = system
        self._log = log
        self._clients = Clients(system)
        system.receiver.answers = [answering(503), OK] * REFUSED_WEBHOOKS
        self._sent: list[Future[None]] = []
        log(
            f"Seed {seed}: {len(self.uploads)} uploads and {len(self.faults)} faults in {seconds:g} s.\n\nThe schedule:"
        )
        steps: list[schedule.Upload | schedule.Fault] = [*self.uploads, *self.faults]
        log("\n".join(map(str, sorted(steps, key=lambda step: step.at))) + "\n\nThe run:")

    def run(self, settle_seconds: float) -> Report:
        """Run the schedule, wait until the system has settled, and check the result."""
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as senders, ThreadPoolExecutor(THREADS) as pool:
            timeline = self._timeline(senders, Faults(self._system, self._clients, pool))
            for at, act in sorted(timeline, key=lambda moment: moment[0]):
                time.sleep(max(0.0, began + at - time.monotonic()))
                act()
            self._log(f"{time.monotonic() - began:6.1f} s  quiet")
            self._system.recover()
        for future in self._sent:
            future.result()
        unsettled = self._settle(settle_seconds)
        self._log(f"{time.monotonic() - began:6.1f} s  {'not settled' if unsettled else 'settled'}")
        report = self._checked()
        report.problems += unsettled
        return report

    def _settle(self, seconds: float) -> list[str]:
        """Wait until all work is done; on a time-out, return a problem and leave the details to the checker."""
        with ThreadPoolExecutor(1) as waiter:
            settling = waiter.submit(self._system.settle, seconds)
            while wait([settling], LOG_EVERY_SECONDS).not_done:
                self._log_remaining()
        try:
            settling.result()
        except AssertionError as error:
            return [f"not settled: {str(error)[:MAX_WORDS]} ..."]
        return []

    def _timeline(self, senders: ThreadPoolExecutor, faults: Faults) -> Iterator[tuple[float, Callable[[], None]]]:
        for upload in self.uploads:
            yield upload.at, partial(self._send, senders, upload)
        for fault in self.faults:
            yield fault.at, partial(self._begin, faults, fault)
            if fault.seconds:
                yield fault.at + fault.seconds, partial(self._end, faults, fault)
        for at in range(LOG_EVERY_SECONDS, int(self._seconds), LOG_EVERY_SECONDS):
            yield at, self._log_progress

    def _send(self, senders: ThreadPoolExecutor, upload: schedule.Upload) -> None:
        self._sent.append(senders.submit(self._clients.upload, upload))

    def _begin(self, faults: Faults, fault: schedule.Fault) -> None:
        self._log(str(fault))
        faults.begin(fault)

    def _end(self, faults: Faults, fault: schedule.Fault) -> None:
        faults.end(fault)
        self._log(f"{fault.at + fault.seconds:6.1f} s    end of {fault.kind} {fault.target}")

    def _log_progress(self) -> None:
        over, acknowledged = sum(future.done() for future in self._sent), len(self._clients.acknowledged)
        self._log(f"           {len(self._sent)} uploads started, {over} ended, {acknowledged} acknowledged")

    def _log_remaining(self) -> None:
        states = Counter(job["state"] for job in self._system.inspector.unended())
        self._log(f"           {states.total()} jobs left {dict(states) or ''}")

    def _checked(self) -> Report:
        clients = self._clients
        report = checker.check(self._system, clients.acknowledged, len(self.uploads))
        if report.declined_mails:
            report.problems.append("mails were declined, though everybody wants them")
        jobs: dict[str, Mapping[str, Any]] = {job["_id"]: job for job in self._system.inspector.database.jobs.find()}
        samples = {upload.filename: upload.sample for upload in self.uploads}
        for job in jobs.values():
            if job["filename"] in samples and job["state"] in ("done", "failed"):
                report.problems += samples[job["filename"]].problems(job)
        for fid, sha256 in clients.downloaded:
            if jobs.get(fid, {}).get("mp3", {}).get("sha256") != sha256:
                report.problems.append(f"{fid}: a download differs from its MP3")
        report.problems += [*clients.problems, *self._unexpected()]
        gave_up = sum(job.get("error", {}).get("code") == "gave_up" for job in jobs.values())
        answers = [f"  {words}  {count}" for words, count in sorted(clients.answers.items())]
        self._log("\n".join(["\nResponses to clients:", *answers]))
        self._log(f"\n{len(clients.downloaded)} downloads; {gave_up} jobs given up after too many tries\n")
        return report

    def _unexpected(self) -> Iterator[str]:
        """Return the unexpected errors in the functions' logs; event functions answer them with 503, like outages."""
        for name in self._system.stack.functions:
            for line in self._system.stack.log(name).splitlines():
                if UNEXPECTED in line:
                    yield f"{name}: {json.loads(line)['exception']}"


def main() -> int:
    """Run a schedule on its own system, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=LONG_SECONDS)
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS))
    options = parser.parse_args()
    print("Shortened periods:", *(f"  {name}={value}" for name, value in PERIODS.items()), "", sep="\n", flush=True)
    with start_system(PERIODS) as system, tempfile.TemporaryDirectory() as folder:
        run = Run(system, options.seconds, options.seed, Path(folder), partial(print, flush=True))
        report = run.run(SETTLE_SECONDS)
    print(report.text())
    print(f"\nTo repeat: ./local/chaos --seconds {options.seconds:g} --seed {options.seed}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())

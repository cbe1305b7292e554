"""The chaos run: uploads under random faults, then quiet, then the checker; the seed decides all that is random."""

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
from tests.chaos.arena import Arena, arena
from tests.chaos.checker import Report
from tests.chaos.crowd import Crowd
from tests.chaos.faults import Faults

# So short that expired leases, zombies and given-up waits all happen within the run.
PERIODS = {
    "ANNOUNCE_GAP_SECONDS": "2",
    "ANNOUNCE_GAP_MAX_SECONDS": "4",
    "RETRY_DELAY_SECONDS": "1",
    "MAX_ATTEMPTS": "8",
    "UPLOAD_LEASE_SECONDS": "4",
    "CONVERT_LEASE_SECONDS": "4",
    "MAIL_LEASE_SECONDS": "4",
    "MAIL_UNKNOWN_SECONDS": "6",
    "UPLOAD_TIMEOUT_SECONDS": "15",
    "CONVERT_TIMEOUT_SECONDS": "15",
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
TELL_EVERY_SECONDS = 5
SEEDS = 10_000
WORDS_MOST = 300
UNEXPECTED = '"message": "unexpected error"'

Tell = Callable[[str], None]


class Run:
    """One schedule on its way through one system."""

    def __init__(self, place: Arena, seconds: float, seed: int, folder: Path, tell: Tell) -> None:
        corpus.make(folder)
        self.uploads = schedule.uploads(seed, seconds, corpus.samples(folder))
        self.faults = schedule.faults(seed, seconds)
        self._seconds = seconds
        self._place = place
        self._tell = tell
        self._crowd = Crowd(place)
        self._sent: list[Future[None]] = []
        tell(
            f"Seed {seed}: {len(self.uploads)} uploads and {len(self.faults)} faults in {seconds:g} s.\n\nThe schedule:"
        )
        steps: list[schedule.Upload | schedule.Fault] = [*self.uploads, *self.faults]
        tell("\n".join(map(str, sorted(steps, key=lambda step: step.at))) + "\n\nThe run:")

    def run(self, settle_seconds: float) -> Report:
        """Let the schedule happen, wait until the system has settled, and check what became of it all."""
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as clients, ThreadPoolExecutor(THREADS) as pool:
            timeline = self._timeline(clients, Faults(self._place, self._crowd, pool))
            for at, act in sorted(timeline, key=lambda moment: moment[0]):
                time.sleep(max(0.0, began + at - time.monotonic()))
                act()
            self._tell(f"{time.monotonic() - began:6.1f} s  quiet")
            self._place.calm()
        for future in self._sent:
            future.result()
        unsettled = self._settle(settle_seconds)
        self._tell(f"{time.monotonic() - began:6.1f} s  {'not settled' if unsettled else 'settled'}")
        report = self._checked()
        report.problems += unsettled
        return report

    def _settle(self, seconds: float) -> list[str]:
        """Wait until all work is done; say what is not when time is up, and leave it to the checker to count that."""
        with ThreadPoolExecutor(1) as waiter:
            settling = waiter.submit(self._place.settle, seconds)
            while wait([settling], TELL_EVERY_SECONDS).not_done:
                self._tell_rest()
        try:
            settling.result()
        except AssertionError as error:
            return [f"not settled: {str(error)[:WORDS_MOST]} ..."]
        return []

    def _timeline(self, clients: ThreadPoolExecutor, faults: Faults) -> Iterator[tuple[float, Callable[[], None]]]:
        for upload in self.uploads:
            yield upload.at, partial(self._send, clients, upload)
        for fault in self.faults:
            yield fault.at, partial(self._begin, faults, fault)
            if fault.seconds:
                yield fault.at + fault.seconds, partial(self._end, faults, fault)
        for at in range(TELL_EVERY_SECONDS, int(self._seconds), TELL_EVERY_SECONDS):
            yield at, self._tell_progress

    def _send(self, clients: ThreadPoolExecutor, upload: schedule.Upload) -> None:
        self._sent.append(clients.submit(self._crowd.upload, upload))

    def _begin(self, faults: Faults, fault: schedule.Fault) -> None:
        self._tell(str(fault))
        faults.begin(fault)

    def _end(self, faults: Faults, fault: schedule.Fault) -> None:
        faults.end(fault)
        self._tell(f"{fault.at + fault.seconds:6.1f} s    over: {fault.kind} {fault.target}")

    def _tell_progress(self) -> None:
        over, acknowledged = sum(future.done() for future in self._sent), len(self._crowd.acknowledged)
        self._tell(f"           {len(self._sent)} uploads begun, {over} over, {acknowledged} acknowledged")

    def _tell_rest(self) -> None:
        states = Counter(job["state"] for job in self._place.inspector.unended())
        self._tell(f"           {states.total()} jobs to go {dict(states) or ''}")

    def _checked(self) -> Report:
        crowd = self._crowd
        report = checker.check(self._place, crowd.acknowledged, len(self.uploads))
        jobs: dict[str, Mapping[str, Any]] = {job["_id"]: job for job in self._place.inspector.database.jobs.find()}
        samples = {upload.filename: upload.sample for upload in self.uploads}
        for job in jobs.values():
            if job["filename"] in samples and job["state"] in ("done", "failed"):
                report.problems += samples[job["filename"]].wrong_end(job)
        for fid, sha256 in crowd.downloaded:
            if jobs.get(fid, {}).get("mp3", {}).get("sha256") != sha256:
                report.problems.append(f"{fid}: a download that was not its MP3")
        report.problems += [*crowd.problems, *self._unexpected()]
        gave_up = sum(job.get("error", {}).get("code") == "gave_up" for job in jobs.values())
        answers = [f"  {words}  {count}" for words, count in sorted(crowd.answers.items())]
        self._tell("\n".join(["\nWhat clients were told:", *answers]))
        self._tell(f"\n{len(crowd.downloaded)} downloads; {gave_up} jobs given up after too many tries\n")
        return report

    def _unexpected(self) -> Iterator[str]:
        """Say which errors the functions did not foresee; an event function answers 503 to them, as to an outage."""
        for name in self._place.stack.functions:
            for line in self._place.stack.log(name).splitlines():
                if UNEXPECTED in line:
                    yield f"{name}: {json.loads(line)['exception']}"


def main() -> int:
    """Run a schedule on a system of its own, and print how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=LONG_SECONDS)
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS))
    options = parser.parse_args()
    print("Periods, shortened:", *(f"  {name}={value}" for name, value in PERIODS.items()), "", sep="\n", flush=True)
    with arena(PERIODS) as place, tempfile.TemporaryDirectory() as folder:
        run = Run(place, options.seconds, options.seed, Path(folder), partial(print, flush=True))
        report = run.run(SETTLE_SECONDS)
    print(report.text())
    print(f"\nAgain: ./local/chaos --seconds {options.seconds:g} --seed {options.seed}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())

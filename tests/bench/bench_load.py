"""Load: 200 films of 5 MB, 16 at a time; and how fast an event is claimed, under load and idle.

Exits with 1 when an upload was refused, a job was not done at its first attempt, a mail is missing, or a figure is
beyond its limit.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.bench import transfer
from tests.bench.comparison import print_table
from tests.bench.memory import Watched, watching
from tests.bench.system import System, started
from tests.bench.targets import Target, print_targets
from tests.clients.waiting import until
from tests.media.another import another_file
from tests.media.movies import movie
from tests.media.videos import tone_video

UPLOADS = 200
AT_ONCE = 16
FILM_SECONDS = 10  # of 4 Mbit/s: 5 MB
IDLE_JOBS = 60
IDLE_P50_MILLISECONDS = 50
DRAIN_SECONDS = 600
MAIL_ENDS = ("sent", "failed", "unknown")
LOOK_SECONDS = 0.5
MEGABYTE = 1_000_000
# What each function's processes, with the programs they start, may hold; of upload 20 MB for each that is under way.
LIMIT_MEGABYTES = {"upload": 64 + 20 * AT_ONCE, "convert": 512, "notify": 128, "sweep": 128}


@dataclass(frozen=True)
class Upload:
    """A job that was accepted, and since when it could be claimed."""

    fid: str
    ready_at: datetime


def main() -> int:
    """Measure, print, and return 1 when something went wrong or took too much."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, started() as system:
        film, small = movie(Path(folder), FILM_SECONDS), tone_video(Path(folder))
        print(f"{IDLE_JOBS} small videos, one after the other", flush=True)
        idle = [claim_milliseconds(upload, settled(system, upload)) for upload in alone(system, small)]
        print(f"{UPLOADS} films of {film.stat().st_size / MEGABYTE:.1f} MB, {AT_ONCE} at a time", flush=True)
        with watched(system) as memory:
            loaded = load(system, film)
    print_table(("ready to claimed, ms", "p50", "p95", "p99", "most"), [row("idle", idle), row("loaded", loaded)])
    targets = [Target("ready to claimed, idle, p50", median(idle), most=IDLE_P50_MILLISECONDS, unit="ms")]
    targets += [
        Target(f"memory of {name}", each.peak / MEGABYTE, most=LIMIT_MEGABYTES[name], unit="MB")
        for name, each in memory.items()
    ]
    return 0 if print_targets(targets) else 1


def alone(system: System, video: Path) -> Iterator[Upload]:
    """Upload a small video again and again, each when the one before it has been dealt with."""
    settled(system, send(system, video))  # the first pays for what every function loads once
    for _ in range(IDLE_JOBS):
        yield send(system, another_file(video))


def load(system: System, film: Path) -> list[float]:
    """Send everything, wait until all is done and mailed, and return the milliseconds from ready to claimed."""
    films = [another_file(film) for _ in range(UPLOADS)]  # all are encoded
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        uploads = list(pool.map(lambda each: send(system, each), films))
    uploaded, behind = time.monotonic() - began, waiting(system)
    print(f"all taken after {uploaded:.1f} s: {UPLOADS / uploaded:.1f} uploads/s; {behind} wait or work", flush=True)
    jobs = [settled(system, upload) for upload in uploads]
    took = time.monotonic() - began
    print(
        f"all done and mailed after {took:.1f} s: {UPLOADS / took:.1f} conversions/s; {waiting(system)} wait or work\n"
    )
    return [claim_milliseconds(upload, job) for upload, job in zip(uploads, jobs, strict=True)]


def send(system: System, video: Path) -> Upload:
    """Upload a video that must be taken."""
    fid = transfer.upload_form(system.functions["upload"], system.token, video)
    # Sweep announces again what waits for long, so that this is only now the moment in which the job became ready.
    return Upload(fid, system.inspector.job(fid)["announced_at"])


def settled(system: System, upload: Upload) -> dict[str, Any]:
    """Wait until a job is done and its mail is out, each at the first attempt; return it."""
    inspector = system.inspector
    until(lambda: inspector.job(upload.fid)["mail"]["state"] in MAIL_ENDS, f"the mail of {upload.fid}", DRAIN_SECONDS)
    job = inspector.job(upload.fid)
    found = (job["state"], job["attempts"], job["mail"]["state"], job["mail"]["attempts"])
    assert found == ("done", 1, "sent", 1), f"not done at once: {job}"
    return job


def waiting(system: System) -> int:
    """Count the jobs that have not ended."""
    return len(system.inspector.unended())


def claim_milliseconds(upload: Upload, job: dict[str, Any]) -> float:
    """Return how long a job was ready before a converter claimed it, by the database's clock."""
    return float((job["claimed_at"] - upload.ready_at).total_seconds() * 1000)


def row(name: str, milliseconds: Sequence[float]) -> tuple[str, ...]:
    """Return a row of the latencies that half, 95 % and 99 % of the jobs did not exceed."""
    hundredths = quantiles(milliseconds, n=100, method="inclusive")
    figures = [*(hundredths[number - 1] for number in (50, 95, 99)), max(milliseconds)]
    return (name, *(f"{figure:.0f}" for figure in figures))


@contextmanager
def watched(system: System) -> Iterator[dict[str, Watched]]:
    """Sample the memory of every function that has work until the block ends."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(watching(system.functions[name], LOOK_SECONDS)) for name in LIMIT_MEGABYTES}


if __name__ == "__main__":
    sys.exit(main())

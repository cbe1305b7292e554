"""Convert files: upload each, follow its job, download its MP3; several at once, until all are done or Ctrl-C."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from mp3converter_client import bars, download, jobs, program, settings, show, upload
from mp3converter_client.bars import Bar
from mp3converter_client.failure import Failure
from mp3converter_client.jobs import Job
from mp3converter_client.service import Service

INTERRUPTED = 130
DONE = "done"


@dataclass
class Task:
    """A file or a job on its way to its MP3; `step` is what is done with it at the moment."""

    name: str  # as a person gave it
    target: Path
    video: Path | None = None
    job_id: str | None = None
    job: Job | None = None
    step: str = "waiting"
    new: bool = True
    printed: bool = False
    failure: Failure | None = None

    def result(self) -> dict[str, Any]:
        """Return how it ended, as --json prints it."""
        found: dict[str, Any] = {"file" if self.video else "id": self.name}
        if self.job_id:
            found["id"] = self.job_id
        if self.failure:
            return {**found, "state": "failed", "error": self.failure.shown()}
        return {**found, "state": "done", "output": str(self.target), **({"job": self.job} if self.job else {})}


@dataclass(frozen=True)
class Way:
    """How all files are converted."""

    connect: Callable[[], Service]  # a service for each thread
    options: Mapping[str, str]
    force: bool
    skip_existing: bool
    at_once: int
    as_json: bool


def run(tasks: list[Task], way: Way) -> int:
    """Do all tasks, print how each ended, and return the exit status."""
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    # Daemons: after Ctrl-C nobody waits for them.
    for _ in range(min(way.at_once, len(tasks))):
        threading.Thread(target=_work, args=(way, waiting, ended), daemon=True).start()
    failed = False
    try:
        for _ in tasks:
            task = ended.get()
            failed |= task.failure is not None
            _print(task, way.as_json)
    except KeyboardInterrupt:
        _stop(tasks, way.as_json)
    return int(failed)


def _work(way: Way, waiting: queue.SimpleQueue[Task], ended: queue.SimpleQueue[Task]) -> None:
    service = way.connect()
    while True:
        try:
            task = waiting.get_nowait()
        except queue.Empty:
            return
        bar = Bar(show.text((task.video or task.target).name), bars.are_useful())
        try:
            _do(task, way, service, bar)
        except Failure as failure:
            task.failure = failure
        except OSError as error:
            about = "" if error.filename == task.name else f"{error.filename or task.target}: "
            task.failure = Failure("file", f"{about}{settings.reason(error)}.")
        except Exception as error:  # a defect here must not leave the others waiting forever
            task.failure = Failure("defect", f"This program has a defect: {error!r}")
        bar.close()
        ended.put(task)


def _do(task: Task, way: Way, service: Service, bar: Bar) -> None:
    def say(sentence: str) -> None:
        bars.line(show.text(f"{task.name}: {sentence}"), sys.stderr)

    if task.video is not None and task.target.exists() and not way.force:
        if not way.skip_existing:
            raise download.exists(task.target)
        task.new, task.step = False, DONE
        return
    if task.video is not None:
        bar.step("upload", total=task.video.stat().st_size, in_bytes=True)

        def sent(done: int, total: int) -> None:
            if done == total:  # it may have arrived, even if this is tried again
                task.step = "sent"
            bar.at(done)

        task.step = "uploading"
        task.job_id = upload.send(service, task.video, way.options, sent, say)
    assert task.job_id is not None  # noqa: S101 # what is no video is a job
    task.step = "converting"
    bar.step("conversion", total=100, in_bytes=False)
    task.job = jobs.until_ended(service, task.job_id, lambda job: bar.at(job["progress"]))
    if failure := jobs.error(task.job):
        raise failure
    task.step = "downloading"
    bar.step("download", total=task.job["mp3"]["size"], in_bytes=True)
    task.new = download.fetch(service, task.job_id, task.target, force=way.force, progress=bar.at, say=say)
    task.step = DONE


def _print(task: Task, as_json: bool, line: Callable[[str, TextIO], None] = bars.line) -> None:
    name = show.text(task.name)
    if task.failure:
        line(f"{name}: {show.text(task.failure.sentence)}", sys.stderr)
    if as_json:
        line(show.json_line(task.result()), sys.stdout)
    elif not task.failure and not task.new:
        line(f"{name}: {show.text(str(task.target))} is there already", sys.stdout)
    elif not task.failure and task.job:
        line(f"{name} → {show.text(str(task.target))}  {show.mp3(task.job)}", sys.stdout)
    task.printed = True


def _stop(tasks: list[Task], as_json: bool) -> None:
    """End this process at once, with no file between two names; say what goes on without it."""
    download.naming.acquire()
    bars.stop()
    for task in tasks:
        if not task.printed:
            if task.failure is None and task.step != DONE:
                task.failure = Failure("interrupted", f"Interrupted. {_goes_on(task)}")
            _print(task, as_json, lambda text, file: print(text, file=file))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)  # the threads would hold an ordinary end up


def _goes_on(task: Task) -> str:
    if task.step == "waiting":
        return "Nothing was sent."
    if task.step == "uploading":
        return "The upload is cancelled."
    if task.step == "sent":
        return f"The video was just sent; {program.name} list shows whether it is being converted."
    fetch = f"{program.name} get {task.job_id} -o {show.quoted(task.target)}"
    if task.step == "converting":
        return f"The service goes on converting it. To download the MP3: {fetch}"
    return f"To go on with the download: {fetch}"

"""What each command does; it returns the exit status."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mp3converter_client import arguments, convert, jobs, login, program, show, targets
from mp3converter_client.convert import Task, Way
from mp3converter_client.events import Parser
from mp3converter_client.failure import Failure, Wrong
from mp3converter_client.jobs import Job
from mp3converter_client.service import Service

_PATIENCE_SECONDS = 10.0  # of commands that a person waits for

Environment = Mapping[str, str]


def run(options: argparse.Namespace, environment: Environment, default_url: str) -> int:
    """Run a command. Raises Failure, Wrong and OSError."""
    if options.command == "login":
        login.log_in(environment, default_url, options.url)
        return 0
    if options.command == "logout":
        login.log_out()
        return 0
    patience = getattr(options, "patience", _PATIENCE_SECONDS)
    place, bearer = login.found(environment, default_url)
    return _COMMANDS[options.command](options, lambda: Service(place, bearer, patience, _say))


Connect = Callable[[], Service]


def _convert(options: argparse.Namespace, connect: Connect) -> int:
    videos = [Path(file) for file in options.files]
    for video in videos:
        if video.is_dir():
            raise Wrong(f"{show.text(str(video))} is a folder. Name the files in it.")
    places = targets.of_videos(videos, options.output)
    tasks = [Task(str(video), target, video) for video, target in zip(videos, places, strict=True)]
    _prepare(tasks)
    given = arguments.given_options(options)
    if options.webhook:
        given["webhook"] = options.webhook
    way = Way(connect, given, options.force, options.skip_existing, options.jobs, options.json)
    # A wrong address or an old key is known before gigabytes are sent.
    try:
        connect().greet()
    except Failure as failure:
        for task in tasks if options.json else ():
            task.failure = failure
            print(show.json_line(task.result()))
        raise
    return convert.run(tasks, way)


def _get(options: argparse.Namespace, connect: Connect) -> int:
    service, tasks, failed = connect(), [], False
    service.greet()
    for job_id in dict.fromkeys(options.ids):
        try:
            filename = jobs.show(service, job_id)["filename"]
        except Failure as failure:
            failed = True
            _complain(job_id, failure, options.json)
            continue
        tasks.append(Task(job_id, targets.of_job(filename, job_id, options.output, len(options.ids)), job_id=job_id))
    _prepare(tasks)
    _separate(tasks)
    way = Way(connect, {}, options.force, False, options.jobs, options.json)
    return convert.run(tasks, way) or int(failed)


def _list(options: argparse.Namespace, connect: Connect) -> int:
    filters = {"state": options.state, "q": options.name}
    found = jobs.listed(
        connect(), None if options.all else options.limit, **{name: value for name, value in filters.items() if value}
    )
    for job in found:
        _show(job, options.json)
    return 0


def _delete(options: argparse.Namespace, connect: Connect) -> int:
    def delete(service: Service, job_id: str) -> None:
        service.call("DELETE", "jobs", job_id, again=False)
        _show_deleted(job_id, options.json)

    return _each(options, connect, delete)


def _retry(options: argparse.Namespace, connect: Connect) -> int:
    given = arguments.given_options(options)

    def retry(service: Service, job_id: str) -> None:
        # Not again after a cut connection: it may have worked, and the second answer would be an error.
        _show(service.json("POST", "jobs", job_id, "retry", body=lambda: given, again=False), options.json)

    return _each(options, connect, retry)


def _watch(options: argparse.Namespace, connect: Connect) -> int:
    connect().greet()
    if not options.ids:
        return _watch_all(options, connect())
    failed = False

    def watch(service: Service, job_id: str) -> None:
        nonlocal failed
        last: list[Job] = []

        def told(job: Job) -> None:
            if last != [job]:
                _show(job, options.json)
            last[:] = [job]

        ended = jobs.until_ended(service, job_id, told)
        told(ended)
        failed |= ended["state"] == "failed"

    return _each(options, connect, watch) or int(failed)


def _watch_all(options: argparse.Namespace, service: Service) -> int:
    parser = Parser()

    def begin() -> None:  # after the stream was opened, so that no change falls in between
        for job in jobs.listed(service, None, state="uploading,queued,converting"):
            _show(job, options.json)

    opened: Callable[[], None] | None = begin
    while True:
        try:
            for event in jobs.stream(service, parser, "events", patient=True, opened=opened):
                if event.kind == "reload":
                    begin()
                elif event.kind == "deleted":
                    _show_deleted(json.loads(event.data)["id"], options.json)
                else:
                    _show(json.loads(event.data), options.json)
        except jobs.NoStream as error:
            raise Failure(
                "no_events", f"The service tells no changes here. {program.name} list shows your jobs."
            ) from error
        opened = None
        time.sleep(parser.retry)


def _each(options: argparse.Namespace, connect: Connect, do: Callable[[Service, str], None]) -> int:
    """Do something to each job; one that fails does not keep the others from it."""
    service, failed = connect(), False
    for job_id in dict.fromkeys(options.ids):
        try:
            do(service, job_id)
        except Failure as failure:
            failed = True
            _complain(job_id, failure, options.json)
    return int(failed)


def _say(sentence: str) -> None:
    print(show.text(sentence), file=sys.stderr)


def _complain(name: str, failure: Failure, as_json: bool) -> None:
    print(f"{show.text(name)}: {show.text(failure.sentence)}", file=sys.stderr)
    if as_json:
        print(show.json_line({"id": name, "state": "failed", "error": failure.shown()}), flush=True)


def _show(job: Job, as_json: bool) -> None:
    print(show.json_line(job) if as_json else show.row(job), flush=True)


def _show_deleted(job_id: str, as_json: bool) -> None:
    print(
        show.json_line({"id": job_id, "state": "deleted"}) if as_json else f"{show.text(job_id)}  deleted", flush=True
    )


def _prepare(tasks: list[Task]) -> None:
    """Raise Wrong if an MP3 cannot be written where it goes, before anything is sent."""
    for folder in {task.target.parent for task in tasks}:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if not there.is_dir():
            raise Wrong(f"{show.text(str(there))} is no folder. Choose another with -o.")
        if not os.access(there, os.W_OK):
            raise Wrong(f"You may not write to {show.text(str(there))}. Choose another folder with -o.")


def _separate(tasks: list[Task]) -> None:
    """Give jobs of videos with the same name files of their own."""
    taken: set[Path] = set()
    for task in tasks:
        if task.target in taken:
            task.target = task.target.with_name(f"{task.target.stem} {task.job_id}{task.target.suffix}")
        taken.add(task.target)


_COMMANDS: dict[str, Callable[[argparse.Namespace, Connect], int]] = {
    "convert": _convert,
    "list": _list,
    "get": _get,
    "delete": _delete,
    "retry": _retry,
    "watch": _watch,
}

"""Jobs: what they look like, and how they are followed, by events or else by asking again and again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from mp3converter_client.events import Event, Parser
from mp3converter_client.failure import Failure
from mp3converter_client.service import Service

Job = dict[str, Any]
Told = Callable[[Job], None]

POLL_SECONDS = 2.0
_ENDED = ("done", "failed")
_SILENCE_SECONDS = 40.0  # a comment comes every 15 s
_BLOCK_BYTES = 65_536
_PAGE = 100
_STREAMS_WITHOUT_NEWS = 3


class NoStream(Exception):
    """There are no events here: too many streams, a proxy that keeps them back, or a cut connection."""


def show(service: Service, job_id: str) -> Job:
    """Return a job. Raises Failure."""
    found: Job = service.json("GET", "jobs", job_id)
    return found


def ended(job: Job) -> bool:
    """Tell whether nothing more happens to a job's MP3."""
    return job["state"] in _ENDED


def error(job: Job) -> Failure | None:
    """Return why a job failed; None if it did not."""
    return Failure(job["error"]["code"], job["error"]["title"]) if job["state"] == "failed" else None


def listed(service: Service, most: int | None, **filters: str) -> Iterator[Job]:
    """Yield jobs, newest first."""
    after: dict[str, str] = {}
    left = most
    while left is None or left > 0:
        params = {"limit": str(min(_PAGE, left or _PAGE)), **filters, **after}
        response = service.call("GET", "jobs", params=params)
        page = response.json()["jobs"]
        yield from page
        left = None if left is None else left - len(page)
        # The link's own address may be another than the one that we reach the service by.
        query = parse_qs(urlsplit(response.links.get("next", {}).get("url", "")).query)
        if "after" not in query:
            return
        after = {"after": query["after"][0]}


def until_ended(service: Service, job_id: str, told: Told) -> Job:
    """Follow a job, and return it once it has ended. Raises Failure, also if it was deleted."""
    parser, quiet = Parser(), 0
    while quiet < _STREAMS_WITHOUT_NEWS:
        try:
            for event in stream(service, parser, job_id, "events"):
                if event.kind == "deleted":
                    raise Failure("deleted", "The job was deleted.")
                job: Job = json.loads(event.data)
                told(job)
                quiet = 0
                if ended(job):
                    return job
        except NoStream:
            break
        job = show(service, job_id)  # the stream has ended, or there is none any more
        if ended(job):
            return job
        quiet += 1
        time.sleep(parser.retry)
    while not ended(job := show(service, job_id)):
        told(job)
        time.sleep(POLL_SECONDS)
    return job


def stream(
    service: Service, parser: Parser, *path: str, patient: bool = False, opened: Callable[[], None] | None = None
) -> Iterator[Event]:
    """Yield events until the stream ends or breaks. Raises NoStream if there is none, and Failure as any request.

    With `patient`, a service that is busy or away is waited for.
    """
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": parser.last} if parser.last else {})}
    patience = None if patient else 0
    try:
        response = service.call(
            "GET",
            "jobs",
            *path,
            again=patient,
            patience=patience,
            seconds=_SILENCE_SECONDS,
            headers=headers,
            stream=True,
        )
    except Failure as failure:
        if patient or failure.status in (401, 404):
            raise
        raise NoStream from failure
    with closing(response):
        if response.status_code == 204:
            return
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise NoStream
        if opened:
            opened()
        try:
            while block := response.raw.read1(_BLOCK_BYTES, decode_content=True):
                yield from parser.feed(block)
        except (OSError, urllib3.exceptions.HTTPError):
            return

"""Leftovers that belong to no job: files, chunks, temporary files, processes, messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pika

from tests.connector.queues import Queues
from tests.e2e.leftovers import encoders, temporary_files
from tests.local.vhosts import rabbitmqctl

if TYPE_CHECKING:
    from tests.chaos.system import ProxiedSystem

QUEUES = ("videos", "mp3s")
GONE = ("aborted", "deleting")
ENDED = ("done", "failed")


@dataclass(frozen=True)
class DeadLetter:
    """A message in a dead-letter queue."""

    queue: str
    reasons: tuple[str, ...]
    body: bytes

    def unexplained(self, jobs: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return why this letter is a problem: it has no reason, or its job has not ended."""
        job = jobs.get(_subject(self.body))
        found = [] if self.reasons else [f"a dead letter in {self.queue} without a reason"]
        if job is not None and job["state"] not in (*ENDED, *GONE):
            found.append(f"a dead letter in {self.queue} about {job['_id']}, which is {job['state']}")
        return found


def all_leftovers(system: ProxiedSystem) -> list[str]:
    """Return all leftovers of ended work."""
    # rabbitmqctl takes a second, so it comes last.
    left = quick_leftovers(system)
    return left or [f"{count} messages in {name} are unacknowledged" for name, count in _unsettled(system).items()]


def quick_leftovers(system: ProxiedSystem) -> list[str]:
    """Return the leftovers that can be found quickly."""
    inspector = system.inspector
    jobs = list(inspector.database.jobs.find({"state": {"$nin": list(GONE)}}, {"mp3.file_id": 1}))
    named = {job["mp3"]["file_id"] for job in jobs if "mp3" in job}
    return [
        *(f"video {fid} without a job" for fid in sorted(inspector.stored("videos") - {job["_id"] for job in jobs})),
        *(f"MP3 {file_id} without a job" for file_id in sorted(inspector.stored("mp3s") - named)),
        *(f"chunks of video {fid} without a file" for fid in sorted(inspector.orphans("videos"))),
        *(f"chunks of MP3 {fid} without a file" for fid in sorted(inspector.orphans("mp3s"))),
        *(f"temporary {path}" for path in temporary_files(system.stack)),
        *(f"process {pid}, an ffmpeg" for pid in sorted(encoders(system.stack))),
        *(f"{count} messages wait in {name}" for name in QUEUES if (count := _ready(system, name))),
    ]


def dead_letters(system: ProxiedSystem) -> list[DeadLetter]:
    """Return all dead letters, without removing them."""
    return [letter for name in QUEUES for letter in _letters(system.stack.rabbitmq_url, name)]


def _ready(system: ProxiedSystem, name: str) -> int:
    return Queues(system.stack.rabbitmq_url).ready(name)


def _unsettled(system: ProxiedSystem) -> dict[str, int]:
    """Return the number of unacknowledged messages in each queue that has any."""
    words = ("list_queues", "--vhost", "mp3converter", "--no-table-headers", "name", "messages_unacknowledged")
    counts = dict(line.split() for line in rabbitmqctl(system.stack.home, *words).splitlines() if line.strip())
    return {name: int(counts[name]) for name in QUEUES if int(counts[name])}


def _letters(url: str, queue: str) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        while True:
            method, properties, body = channel.basic_get(f"{queue}.dead", auto_ack=False)
            if method is None or properties is None or body is None:
                return found
            deaths = (properties.headers or {}).get("x-death", [])
            found.append(DeadLetter(queue, tuple(str(death["reason"]) for death in deaths), body))


def _subject(body: bytes) -> str:
    """Return the job that a message is about, or "" if it is not an event."""
    try:
        return str(json.loads(body)["subject"])
    except (ValueError, KeyError, TypeError):
        return ""

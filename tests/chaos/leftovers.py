"""What lies about that no job accounts for: files, chunks, temporary files, processes, messages."""

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
    from tests.chaos.arena import Arena

QUEUES = ("videos", "mp3s")
GONE = ("aborted", "deleting")
ENDED = ("done", "failed")


@dataclass(frozen=True)
class DeadLetter:
    """A message that RabbitMQ or a function gave up."""

    queue: str
    reasons: tuple[str, ...]
    body: bytes

    def unexplained(self, jobs: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Say what speaks against it: it must have a reason, and if it is about a job, that must have ended since."""
        job = jobs.get(_subject(self.body))
        found = [] if self.reasons else [f"a dead letter of {self.queue} without a reason"]
        if job is not None and job["state"] not in (*ENDED, *GONE):
            found.append(f"a dead letter of {self.queue} about {job['_id']}, which is {job['state']}")
        return found


def left_behind(arena: Arena) -> list[str]:
    """Say what is left of work that has ended; nothing, when all is well."""
    # Asking the broker's own tool takes a second, so it comes last.
    left = lying_about(arena)
    return left or [f"{count} messages of {name} are on their way" for name, count in _unsettled(arena).items()]


def lying_about(arena: Arena) -> list[str]:
    """Say what can be seen at once of what is left."""
    inspector = arena.inspector
    jobs = list(inspector.database.jobs.find({"state": {"$nin": list(GONE)}}, {"mp3.file_id": 1}))
    named = {job["mp3"]["file_id"] for job in jobs if "mp3" in job}
    return [
        *(f"video {fid} of no job" for fid in sorted(inspector.stored("videos") - {job["_id"] for job in jobs})),
        *(f"MP3 {file_id} named by no job" for file_id in sorted(inspector.stored("mp3s") - named)),
        *(f"chunks of video {fid} without a file" for fid in sorted(inspector.orphans("videos"))),
        *(f"chunks of MP3 {fid} without a file" for fid in sorted(inspector.orphans("mp3s"))),
        *(f"temporary {path}" for path in temporary_files(arena.stack)),
        *(f"process {pid}, an ffmpeg" for pid in sorted(encoders(arena.stack))),
        *(f"{count} messages wait in {name}" for name in QUEUES if (count := _ready(arena, name))),
    ]


def dead_letters(arena: Arena) -> list[DeadLetter]:
    """Return all dead letters; they stay where they are."""
    return [letter for name in QUEUES for letter in _letters(arena.stack.rabbitmq_url, name)]


def _ready(arena: Arena, name: str) -> int:
    return Queues(arena.stack.rabbitmq_url).ready(name)


def _unsettled(arena: Arena) -> dict[str, int]:
    """Return how many messages of each queue somebody has taken and not settled, where there are any."""
    words = ("list_queues", "--vhost", "mp3converter", "--no-table-headers", "name", "messages_unacknowledged")
    counts = dict(line.split() for line in rabbitmqctl(arena.stack.home, *words).splitlines() if line.strip())
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
    """Return the job that a message is about; nothing for one that is no event."""
    try:
        return str(json.loads(body)["subject"])
    except (ValueError, KeyError, TypeError):
        return ""

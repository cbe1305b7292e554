"""The checker sees what it is there to see: each wrong is planted in a system that is well, and found."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from tests.chaos.arena import Arena
from tests.chaos.checker import Report, check
from tests.clients import processes
from tests.e2e.leftovers import convert_port

PATIENCE_SECONDS = 0.5

Plant = Callable[[Arena, str], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def fid(session_arena: Arena, video: Path) -> str:
    """The id of a job that is done, and that sweep will not look at any more."""
    session_arena.calm()
    fid = session_arena.upload(video)
    session_arena.settle()
    session_arena.inspector.database.jobs.update_one({"_id": fid}, {"$unset": {"cleanup": ""}})
    return fid


@pytest.fixture(scope="module")
def well(session_arena: Arena, fid: str) -> Report:
    """What is found before anything is planted."""
    report = check(session_arena, [fid], 1)
    assert not report.problems, report.text()
    return report


@contextmanager
def changed(arena: Arena, collection: str, query: dict[str, Any], change: dict[str, Any]) -> Iterator[None]:
    place = arena.inspector.database[collection]
    found = place.find_one(query)
    assert found is not None
    place.update_one(query, {"$set": change})
    yield
    place.replace_one({"_id": found["_id"]}, found)


@contextmanager
def missing(arena: Arena, collection: str, query: dict[str, Any]) -> Iterator[None]:
    place = arena.inspector.database[collection]
    found = place.find_one_and_delete(query)
    assert found is not None
    yield
    place.insert_one(found)


@contextmanager
def added(arena: Arena, collection: str, document: dict[str, Any]) -> Iterator[None]:
    place = arena.inspector.database[collection]
    place.insert_one(document)
    yield
    place.delete_one({"_id": document["_id"]})


@contextmanager
def temporary_file(arena: Arena, fid: str) -> Iterator[None]:
    running = min(processes.listeners(convert_port(arena.stack)))
    folder = Path(processes.environment(running)["TMPDIR"]) / f"convert-{running}-planted"
    folder.mkdir()
    yield
    folder.rmdir()


@contextmanager
def dead_letter(arena: Arena, fid: str) -> Iterator[None]:
    """One that nobody rejected: it has no reason."""
    # Two connections: on a slow machine one that idles in between would miss its heartbeats.
    with channel_to(arena) as channel:
        channel.confirm_delivery()
        channel.basic_publish("", "videos.dead", b'{"subject": "nobody"}', mandatory=True)
    yield
    with channel_to(arena) as channel:
        channel.queue_purge("videos.dead")


@contextmanager
def channel_to(arena: Arena) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(arena.stack.rabbitmq_url)) as connection:
        yield connection.channel()


@contextmanager
def second_mail(arena: Arena, fid: str) -> Iterator[None]:
    kept = arena.stack.home / "data" / "mail"
    before = set(kept.iterdir())
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "a@example.org", arena.owner.email, f"<{fid}.1@localhost>"
    mail.set_content("Again.")
    relay = urlsplit(arena.stack.smtp_url)
    with smtplib.SMTP(relay.hostname or "", relay.port or 0) as connection:
        connection.send_message(mail)
    yield
    for path in set(kept.iterdir()) - before:
        path.unlink()


PLANTS: dict[str, tuple[Plant, str, str]] = {
    "a job is gone": (lambda arena, fid: missing(arena, "jobs", {"_id": fid}), "lost", "there is no job"),
    "a job was aborted": (
        lambda arena, fid: changed(arena, "jobs", {"_id": fid}, {"state": "aborted"}),
        "lost",
        "is aborted",
    ),
    "an MP3 is gone": (lambda arena, fid: missing(arena, "mp3s.files", {"_id": f"{fid}.1"}), "lost", "no file"),
    "a chunk is gone": (lambda arena, fid: missing(arena, "mp3s.chunks", {"files_id": f"{fid}.1"}), "lost", "0 bytes"),
    "a video has other bytes": (
        lambda arena, fid: changed(arena, "videos.chunks", {"files_id": fid}, {"data": b"other"}),
        "lost",
        "5 bytes",
    ),
    "a mail waits for ever": (
        lambda arena, fid: changed(arena, "jobs", {"_id": fid}, {"mail.state": "handing_over"}),
        "lost",
        "its mail is",
    ),
    "a mail never came": (
        lambda arena, fid: changed(arena, "jobs", {"_id": fid}, {"mail.run": 2}),
        "lost",
        "never came",
    ),
    "a second MP3": (lambda arena, fid: added(arena, "mp3s.files", {"_id": f"{fid}.7"}), "duplicated", "2 MP3s"),
    "a second mail": (second_mail, "duplicated", "2 mails"),
    "chunks without a file": (
        lambda arena, fid: added(arena, "videos.chunks", {"files_id": "x", "n": 0}),
        "orphans",
        "without a file",
    ),
    "a video of no job": (lambda arena, fid: added(arena, "videos.files", {"_id": "x"}), "orphans", "of no job"),
    "a temporary file": (temporary_file, "orphans", "temporary"),
    "a dead letter without a reason": (dead_letter, "dead_letters", "without a reason"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_what_is_planted_is_found(name: str, arena: Arena, fid: str, well: Report) -> None:
    plant, count, words = PLANTS[name]
    with plant(arena, fid):
        report = check(arena, [fid], 1, patience=PATIENCE_SECONDS)
    assert getattr(report, count) == getattr(well, count) + 1, report.text()
    assert any(words in problem for problem in report.problems), report.text()

"""The checker finds problems: each kind is planted in a healthy system."""

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

from tests.chaos.checker import Report, check
from tests.chaos.system import ProxiedSystem
from tests.clients import processes
from tests.e2e.leftovers import convert_port

LEFTOVER_SECONDS = 0.5

Planter = Callable[[ProxiedSystem, str], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def fid(shared_system: ProxiedSystem, video: Path) -> str:
    """The id of a finished job that sweep will not check again."""
    shared_system.recover()
    fid = shared_system.upload(video)
    shared_system.settle()
    shared_system.inspector.database.jobs.update_one({"_id": fid}, {"$unset": {"cleanup": ""}})
    return fid


@pytest.fixture(scope="module")
def healthy(shared_system: ProxiedSystem, fid: str) -> Report:
    """The report before anything is planted."""
    report = check(shared_system, [fid], 1)
    assert not report.problems, report.text()
    return report


@contextmanager
def changed(system: ProxiedSystem, collection: str, query: dict[str, Any], change: dict[str, Any]) -> Iterator[None]:
    place = system.inspector.database[collection]
    found = place.find_one(query)
    assert found is not None
    place.update_one(query, {"$set": change})
    yield
    place.replace_one({"_id": found["_id"]}, found)


@contextmanager
def missing(system: ProxiedSystem, collection: str, query: dict[str, Any]) -> Iterator[None]:
    place = system.inspector.database[collection]
    found = place.find_one_and_delete(query)
    assert found is not None
    yield
    place.insert_one(found)


@contextmanager
def added(system: ProxiedSystem, collection: str, document: dict[str, Any]) -> Iterator[None]:
    place = system.inspector.database[collection]
    place.insert_one(document)
    yield
    place.delete_one({"_id": document["_id"]})


@contextmanager
def temporary_file(system: ProxiedSystem, fid: str) -> Iterator[None]:
    running = min(processes.listeners(convert_port(system.stack)))
    folder = Path(processes.environment(running)["TMPDIR"]) / f"convert-{running}-planted"
    folder.mkdir()
    yield
    folder.rmdir()


@contextmanager
def dead_letter(system: ProxiedSystem, fid: str) -> Iterator[None]:
    """A message that was published directly, so it has no reason."""
    # Two connections, because an idle one could miss its heartbeats on a slow machine.
    with channel_to(system) as channel:
        channel.confirm_delivery()
        channel.basic_publish("", "videos.dead", b'{"subject": "nobody"}', mandatory=True)
    yield
    with channel_to(system) as channel:
        channel.queue_purge("videos.dead")


@contextmanager
def channel_to(system: ProxiedSystem) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(system.stack.rabbitmq_url)) as connection:
        yield connection.channel()


@contextmanager
def second_mail(system: ProxiedSystem, fid: str) -> Iterator[None]:
    kept = system.stack.home / "data" / "mail"
    before = set(kept.iterdir())
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "a@example.org", system.owner.email, f"<{fid}.1@localhost>"
    mail.set_content("Again.")
    relay = urlsplit(system.stack.smtp_url)
    with smtplib.SMTP(relay.hostname or "", relay.port or 0) as connection:
        connection.send_message(mail)
    yield
    for path in set(kept.iterdir()) - before:
        path.unlink()


PROBLEMS: dict[str, tuple[Planter, str, str]] = {
    "a job is gone": (lambda system, fid: missing(system, "jobs", {"_id": fid}), "lost", "there is no job"),
    "a job was aborted": (
        lambda system, fid: changed(system, "jobs", {"_id": fid}, {"state": "aborted"}),
        "lost",
        "is aborted",
    ),
    "an MP3 is gone": (lambda system, fid: missing(system, "mp3s.files", {"_id": f"{fid}.1"}), "lost", "missing file"),
    "a chunk is gone": (
        lambda system, fid: missing(system, "mp3s.chunks", {"files_id": f"{fid}.1"}),
        "lost",
        "0 bytes",
    ),
    "a video has other bytes": (
        lambda system, fid: changed(system, "videos.chunks", {"files_id": fid}, {"data": b"other"}),
        "lost",
        "5 bytes",
    ),
    "a mail waits for ever": (
        lambda system, fid: changed(system, "jobs", {"_id": fid}, {"mail.state": "handing_over"}),
        "lost",
        "its mail is",
    ),
    "a mail never came": (
        lambda system, fid: changed(system, "jobs", {"_id": fid}, {"mail.run": 2}),
        "lost",
        "did not arrive",
    ),
    "a webhook waits for ever": (
        lambda system, fid: changed(system, "jobs", {"_id": fid}, {"webhook": {"state": "claimed"}}),
        "lost",
        "its webhook is still claimed",
    ),
    "a webhook is declined": (
        lambda system, fid: changed(system, "jobs", {"_id": fid}, {"webhook": {"state": "declined", "url": "x"}}),
        "lost",
        "its webhook is declined, but was asked for",
    ),
    "a webhook never came": (
        lambda system, fid: changed(system, "jobs", {"_id": fid}, {"webhook": {"state": "sent"}}),
        "lost",
        "its webhook is marked as sent, but did not arrive",
    ),
    "a second MP3": (lambda system, fid: added(system, "mp3s.files", {"_id": f"{fid}.7"}), "duplicated", "2 MP3s"),
    "a second mail": (second_mail, "duplicated", "2 mails"),
    "chunks without a file": (
        lambda system, fid: added(system, "videos.chunks", {"files_id": "x", "n": 0}),
        "orphans",
        "without a file",
    ),
    "a video without a job": (
        lambda system, fid: added(system, "videos.files", {"_id": "x"}),
        "orphans",
        "without a job",
    ),
    "a temporary file": (temporary_file, "orphans", "temporary"),
    "a dead letter without a reason": (dead_letter, "dead_letters", "without a reason"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_planted_problem_is_found(name: str, system: ProxiedSystem, fid: str, healthy: Report) -> None:
    plant, count, words = PROBLEMS[name]
    with plant(system, fid):
        report = check(system, [fid], 1, timeout=LEFTOVER_SECONDS)
    assert getattr(report, count) == getattr(healthy, count) + 1, report.text()
    assert any(words in problem for problem in report.problems), report.text()

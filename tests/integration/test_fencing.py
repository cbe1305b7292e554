"""Two processes on one job: an overtaken converter changes nothing, and only one notifier sends the mail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from functions.backends.files import MP3S, VIDEOS, Files
from functions.backends.jobs import Jobs
from functions.backends.mail import Mailer
from functions.backends.queue import Queue
from functions.backends.usage import Usage
from functions.common import ids, transitions
from functions.common.config import load
from functions.common.settings import Broker, Periods, Relay
from functions.common.transitions import Transition
from functions.common.values import Document
from functions.convert import conversion
from functions.convert.engine import Made
from functions.notify import mailing
from tests.clients import web
from tests.integration.states import Clock
from tests.local.private import PrivateStack

PERIODS = load(Periods, {})
DOWN = Queue(Broker("amqp://a:b@127.0.0.1:1/x", 1.0))  # unreachable, because events are only hints
WAIT_SECONDS = 60.0
SECOND = b"the MP3 of the successor"

Encode = Callable[..., Made]


class PausingJobs(Jobs):
    """Jobs that can pause before or after a step."""

    before_finish: Callable[[], None] = staticmethod(lambda: None)
    after_find: Callable[[], None] = staticmethod(lambda: None)

    def apply(self, row: Transition, job_id: str, **given: Any) -> Document | None:
        """Pause before a conversion is finished."""
        if row is transitions.FINISH:
            self.before_finish()
        return super().apply(row, job_id, **given)

    def find(self, job_id: str) -> Document | None:
        """Pause after the job was read."""
        found = super().find(job_id)
        self.after_find()
        return found


@pytest.fixture
def jobs(database: Database[dict[str, Any]], clock: Clock) -> PausingJobs:
    return PausingJobs(database["jobs"], clock, PERIODS)


@pytest.fixture
def files(database: Database[dict[str, Any]]) -> Files:
    return Files(database)


@pytest.fixture
def job_id(jobs: Jobs, files: Files) -> str:
    """A job that waits for its conversion."""
    job_id = ids.new()
    jobs.receive(job_id, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
    writer = files.write(VIDEOS, job_id)
    writer.write(b"a video")
    digest = writer.finish()
    assert jobs.apply(transitions.ACCEPT, job_id, epoch=0, size=writer.length, sha256=digest, options={})
    return job_id


def convert(job_id: str, jobs: Jobs, files: Files, encode: Encode) -> None:
    conversion.run(
        job_id,
        jobs=jobs,
        files=files,
        queue=DOWN,
        usage=Usage(jobs._collection.database["usage"], jobs),
        encode=encode,
        holder="h",
        stopping=threading.Event(),
    )


def run_overtaken(job_id: str, database: Database[dict[str, Any]], clock: Clock, jobs: Jobs, files: Files) -> None:
    """Let a converter continue past its lease, and end just when its successor has stored its MP3."""
    stored, over = threading.Event(), threading.Event()
    successor = PausingJobs(database["jobs"], clock, PERIODS)

    def before_finish() -> None:
        stored.set()
        assert over.wait(WAIT_SECONDS)

    successor.before_finish = before_finish

    def encode_second(source: Path, target: Path, *_: object, **__: object) -> Made:
        target.write_bytes(SECOND)
        return Made(1.0, ())

    second = threading.Thread(target=convert, args=(job_id, successor, files, encode_second))

    def encode_first(source: Path, target: Path, *_: object, **__: object) -> Made:
        clock.advance(seconds=PERIODS.convert_lease)
        assert jobs.apply(transitions.EXPIRE, job_id, epoch=1)
        second.start()
        assert stored.wait(WAIT_SECONDS)
        target.write_bytes(b"")  # writing bytes would renew the lease, which would reveal that it is lost
        return Made(2.0, ())

    convert(job_id, jobs, files, encode_first)
    over.set()
    second.join(WAIT_SECONDS)


def test_an_overtaken_converter_does_not_finish_the_job(
    job_id: str, database: Database[dict[str, Any]], clock: Clock, jobs: PausingJobs, files: Files
) -> None:
    """Its epoch is outdated: its successor finishes the job, with its own MP3."""
    run_overtaken(job_id, database, clock, jobs, files)
    job = jobs.find(job_id)
    assert job is not None
    assert (job["state"], job["mp3"]["duration"]) == (transitions.DONE, 1.0)


def test_an_overtaken_converter_does_not_delete_its_successors_mp3(
    job_id: str, database: Database[dict[str, Any]], clock: Clock, jobs: PausingJobs, files: Files
) -> None:
    """Each epoch has its own file, so cleaning up cannot delete another one's."""
    run_overtaken(job_id, database, clock, jobs, files)
    job = jobs.find(job_id)
    assert job is not None
    reader = files.read(MP3S, job["mp3"]["file_id"])
    assert reader is not None
    assert b"".join(reader.blocks()) == SECOND
    assert database["mp3s.files"].count_documents({}) == 1


def test_only_one_of_two_notifiers_sends_the_mail(
    job_id: str, jobs: PausingJobs, files: Files, lazy_stack: PrivateStack, smtp: str
) -> None:
    """A notifier that read the job before another one claimed its mail is too late."""
    assert jobs.apply(transitions.CLAIM, job_id, epoch=0, holder="h")
    assert jobs.apply(transitions.FAIL, job_id, epoch=1, error={"code": "no_audio", "title": "No sound."})
    mailer = Mailer(load(Relay, {"SMTP_URL": smtp}))

    def letter(job: Document) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Message-ID"] = mailer.sender, job["email"], f"<{job_id}@example.org>"
        mail.set_content("Your video.")
        return mail

    def notify(token: str) -> None:
        mailing.run(
            job_id,
            jobs=jobs,
            mailer=mailer,
            compose=letter,
            wanted=lambda _user: True,
            token=token,
            stopping=threading.Event(),
        )

    def meanwhile() -> None:
        jobs.after_find = lambda: None
        notify("the faster one")

    jobs.after_find = meanwhile
    notify("the slower one")
    caught = web.call("GET", f"{lazy_stack.mailbox}/messages").json()
    assert [mail["message_id"] for mail in caught].count(f"<{job_id}@example.org>") == 1
    job = jobs.find(job_id)
    assert job is not None
    assert (job["mail"]["state"], job["mail"]["token"]) == (transitions.SENT, "the faster one")

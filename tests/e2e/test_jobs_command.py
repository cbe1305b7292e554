"""The operator's commands: dead letters listed and replayed, jobs converted again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pika

from functions.backends.jobs import Jobs
from functions.common.errors import GAVE_UP
from functions.common.transitions import CLAIM, FAIL
from tests.clients import events, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import until
from tests.connector.queues import STRUCTURED, Queues
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media import videos as media
from tests.media.tone import assert_tone

DELIVERIES = 6  # what the queues allow
READY_EVENT, DONE_EVENT = "com.mp3converter.video.uploaded", "com.mp3converter.mp3.ready"


def given_up(fid: str, jobs: Jobs) -> None:
    """Fail a waiting job for an internal reason."""
    claimed = jobs.apply(CLAIM, fid, epoch=0, holder="a test")
    assert claimed is not None
    error = {"code": GAVE_UP.code, "title": GAVE_UP.title}
    assert jobs.apply(FAIL, fid, epoch=claimed["epoch"], error=error)


def event(kind: str, fid: str) -> tuple[pika.BasicProperties, bytes]:
    """Return an event as the functions publish it."""
    named = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/mp3converter", "type": kind, "subject": fid}
    return pika.BasicProperties(content_type=STRUCTURED), json.dumps({**named, "data": {"id": fid}}).encode()


def test_dead_letters_are_listed_and_replayed(
    no_connector: Callable[[], None],
    operator: Operator,
    queues: Queues,
    stack: PrivateStack,
    url: Urls,
    owner: Person,
    video: Path,
    inspector: Inspector,
    mailbox: Mailbox,
    jobs: Jobs,
) -> None:
    """Each letter is listed with its reason and its job, listing loses none, and each job gets what it needs."""

    def announced() -> str:
        with queues.awaiting_one("videos"):
            return web.uploaded(url("upload"), owner.token, video)

    waiting, stuck, done, unmailed = (announced() for _ in range(4))
    queues.refuse("videos")
    queues.give_back("videos", DELIVERIES)
    queues.refuse("videos")
    given_up(stuck, jobs)
    assert events.structured(stack.functions["convert"], stack.event_token, unmailed).status == 200
    queues.refuse("mp3s")
    assert events.structured(stack.functions["convert"], stack.event_token, done).status == 200
    assert events.structured(stack.functions["notify"], stack.event_token, done, DONE_EVENT).status == 200
    unknown = str(uuid.uuid4())
    queues.publish("videos.dead", *event(READY_EVENT, unknown))
    queues.publish("videos.dead", pika.BasicProperties(), b"\x1b[2Jpoison")

    seen = operator.jobs("dead")

    assert seen.status == 0
    assert seen.row(waiting)[1:4] == ["queued", "videos.dead", "rejected"]
    assert seen.row(stuck)[1:4] == ["failed", "videos.dead", "delivery_limit"]
    assert seen.row(done)[1:4] == ["done", "videos.dead", "rejected"]
    assert seen.row(unmailed)[1:4] == ["done, mail none", "mp3s.dead", "rejected"]
    assert seen.row(unknown)[1:] == ["gone", "videos.dead", "unknown", "unknown"]
    assert seen.row("none")[1:] == ["poison", "videos.dead", "unknown", "unknown", "10 bytes: \\x1b[2Jpoison"]
    died = datetime.strptime(seen.row(waiting)[4], "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(died - inspector.job(waiting)["created_at"]) < timedelta(minutes=5)
    assert operator.jobs("dead") == seen, "listing changed the letters or their order"

    assert operator.jobs("replay", str(uuid.uuid4())).status == 1
    named = operator.jobs("replay", waiting)
    assert (named.status, named.row(waiting)[1:]) == (0, ["videos.dead", "queued"])
    others = [line for line in seen.text.splitlines() if not line.startswith(waiting)]
    assert operator.done("dead").text.splitlines() == others

    replayed = operator.jobs("replay", "--all")

    assert replayed.status == 0
    assert replayed.row(stuck)[1:] == ["videos.dead", "queued again"]
    assert replayed.row(done)[1:] == ["videos.dead", "nothing to do"]
    assert replayed.row(unmailed)[1:] == ["mp3s.dead", "mail and webhook queued"]
    assert replayed.row(unknown)[1:] == ["videos.dead", "the job does not exist"]
    assert replayed.row("none")[2].startswith("poison")
    assert operator.done("dead").text == "No dead letters.\n"
    no_connector()
    converted = (waiting, stuck, done, unmailed)
    for fid in converted:
        job = inspector.done(fid)
        assert inspector.files("mp3s", fid) == [job["mp3"]["file_id"]]
        mailbox.about(fid, owner.email)
    until(lambda: all(inspector.job(fid)["mail"]["state"] == "sent" for fid in converted), "the mails to be sent")
    assert [mailbox.count(fid, owner.email) for fid in converted] == [1] * len(converted)


def test_all_leaves_alone_jobs_that_failed_because_of_their_video(
    operator: Operator, queues: Queues, url: Urls, owner: Person, videos: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    """Replaying it would fail again and mail the owner twice; replaying it by id still converts it again."""
    fid = web.uploaded(url("upload"), owner.token, media.silent_video(videos))
    epoch = inspector.ended(fid)["epoch"]
    mailbox.about(fid, owner.email)
    queues.publish("videos.dead", *event(READY_EVENT, fid))
    assert operator.done("replay", "--all").row(fid)[1:] == ["videos.dead", "nothing to do"]
    assert inspector.job(fid)["epoch"] == epoch
    for _ in range(2):
        queues.publish("videos.dead", *event(READY_EVENT, fid))
    assert operator.done("replay", fid).text.count("queued again") == 2
    until(lambda: mailbox.count(fid, owner.email) == 2, "the second mail")
    assert inspector.job(fid)["epoch"] == epoch + 2, "not once for both letters"


def test_a_remote_system(stack: PrivateStack, queues: Queues, url: Urls, owner: Person, tmp_path: Path) -> None:
    """With URLs the commands need no local system; an unreachable server loses no letter and shows no password."""
    operators = {
        "MONGODB_URL": stack.mongodb_url,
        "RABBITMQ_URL": stack.secret("rabbitmq_operator_url"),
        "MONGODB_TIMEOUT_SECONDS": "2",
    }
    unknown = str(uuid.uuid4())
    queues.publish("mp3s.dead", *event(DONE_EVENT, unknown))
    for wrong in (
        {"MONGODB_URL": "mongodb://127.0.0.1:1"},
        {"RABBITMQ_URL": "amqp://operator:secret-word@127.0.0.1:1/mp3converter"},
        {"RABBITMQ_URL": stack.rabbitmq_functions_url},
    ):
        refused = Operator(tmp_path / "none", operators | wrong).jobs("replay", "--all")
        assert refused.status == 1
        assert "Nothing was lost" in refused.complaint
        assert "secret-word" not in refused.complaint
        assert stack.secret("rabbitmq_functions_password") not in refused.complaint
    assert queues.ready("mp3s.dead") == 1
    assert Operator(tmp_path / "none", operators).done("replay", "--all").row(unknown)[2] == "the job does not exist"
    assert queues.ready("mp3s.dead") == 0
    half = Operator(stack.home, {"MONGODB_URL": "mongodb://127.0.0.1:1"}).jobs("dead")
    assert (half.status, "RABBITMQ_URL is not" in half.complaint) == (1, True)
    nothing = Operator(tmp_path / "none").jobs("dead")
    assert (nothing.status, nothing.complaint.startswith("Not running.")) == (1, True)


def test_retry(
    stack: PrivateStack,
    operator: Operator,
    url: Urls,
    owner: Person,
    videos: Path,
    video: Path,
    inspector: Inspector,
    mailbox: Mailbox,
) -> None:
    """A failed job is converted and mailed about again; for any other job the command says why not."""
    fid = web.uploaded(url("upload"), owner.token, media.silent_video(videos))
    assert inspector.ended(fid)["state"] == "failed"
    mailbox.about(fid, owner.email)
    inspector.replace_video(fid, video.read_bytes())

    operator.done("retry", fid)

    until(lambda: inspector.job(fid)["state"] == "done", "the second conversion")
    assert_tone(web.download(url("download"), owner.token, fid).body, 440, 3.0)
    until(lambda: mailbox.count(fid, owner.email) == 2, "the second mail")
    again = operator.jobs("retry", fid)
    assert (again.status, again.complaint) == (1, "The job is done, so there is nothing to convert again.\n")
    unknown = operator.jobs("retry", str(uuid.uuid4()))
    assert (unknown.status, unknown.complaint) == (1, "No job has this id, or it was deleted.\n")
    assert operator.jobs("retry", "no-id").status == 2


def test_a_retry_that_is_too_late(
    operator: Operator, url: Urls, owner: Person, videos: Path, inspector: Inspector
) -> None:
    fid = web.uploaded(url("upload"), owner.token, media.silent_video(videos))
    inspector.ended(fid)
    past = datetime.now(UTC) - timedelta(seconds=1)
    inspector.database.jobs.update_one({"_id": fid}, {"$set": {"expires.video": past}})
    until(lambda: inspector.job(fid).get("video_expired_at"), "the video to expire")
    late = operator.jobs("retry", fid)
    assert (late.status, "Upload it again" in late.complaint) == (1, True)
    assert inspector.job(fid)["state"] == "failed"


def test_a_waiting_job_is_announced_again(
    no_connector: Callable[[], None],
    operator: Operator,
    queues: Queues,
    url: Urls,
    owner: Person,
    video: Path,
    inspector: Inspector,
) -> None:
    with queues.awaiting_one("videos"):
        fid = web.uploaded(url("upload"), owner.token, video)
    with queues.awaiting_one("videos"):
        told = operator.jobs("retry", fid)
    assert (told.status, told.text) == (0, "Queued and announced.\n")
    assert inspector.job(fid)["epoch"] == 0
    no_connector()
    assert inspector.done(fid)["attempts"] == 1

"""Deleting a job at any time: nothing of it is left, and it can no longer be found."""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from functions.backends.files import Files
from functions.backends.jobs import Jobs
from functions.jobs import actions
from tests.clients import dying, events, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import stays, until, until_gone
from tests.e2e.conftest import Person, Urls
from tests.e2e.leftovers import encoders, temporary_files
from tests.local.private import PrivateStack
from tests.media import videos as media
from tests.media.large import large_video, long_video

LONG_SECONDS = 1500  # its conversion takes some ten seconds, in which an operator gives a command
LOST_SECONDS = 10
MEGABYTES = 24
UPLOAD_SECONDS = 15  # an upload checks its job every third of its lease
RACES = 12
RACE_SECONDS = 1.0


def forgotten(inspector: Inspector, *fids: str) -> None:
    """Let the grace period of deleted jobs pass: what stale workers wrote must go, and then the documents."""
    zombies = {"videos.chunks": set(fids), "mp3s.chunks": {f"{fid}.1" for fid in fids}}
    for collection, file_ids in zombies.items():
        chunks = [{"files_id": file_id, "n": 7, "data": b"a zombie's"} for file_id in file_ids]
        inspector.database[collection].insert_many(chunks)
    past = datetime.now(UTC) - timedelta(seconds=1)
    ours = {"_id": {"$in": fids}, "state": "deleting"}
    moved = inspector.database.jobs.update_many(ours, {"$set": {"cleanup.at": past, "cleanup.until": past}})
    assert moved.matched_count == len(fids)
    until_gone(lambda: list(inspector.database.jobs.find({"_id": {"$in": fids}})), "the documents")
    for collection, file_ids in zombies.items():
        assert inspector.database[collection].count_documents({"files_id": {"$in": list(file_ids)}}) == 0


def nothing_of(fid: str, url: Urls, owner: Person, inspector: Inspector) -> None:
    """Check that nothing of a deleted job can be found."""
    assert inspector.files("videos", fid) == inspector.files("mp3s", fid) == []
    assert inspector.chunks("videos", fid) == inspector.chunks("mp3s", fid) == 0
    assert web.download(url("download"), owner.token, fid).status == 404


def test_delete_before_and_after_a_conversion(
    no_connector: Callable[[], None],
    stack: PrivateStack,
    operator: Operator,
    url: Urls,
    owner: Person,
    video: Path,
    videos: Path,
    inspector: Inspector,
    mailbox: Mailbox,
) -> None:
    """Ready, done or failed: the files are deleted immediately, the job cannot be found, and its events do no harm."""
    done, failed = (web.uploaded(url("upload"), owner.token, path) for path in (video, media.silent_video(videos)))
    for fid in (done, failed):
        assert events.structured(stack.functions["convert"], stack.event_token, fid).status == 200
    waiting = web.uploaded(url("upload"), owner.token, video)
    assert [inspector.job(fid)["state"] for fid in (waiting, done, failed)] == ["ready", "done", "failed"]
    for fid in (waiting, done, failed):
        operator.done("delete", fid)
        nothing_of(fid, url, owner, inspector)
    again = operator.jobs("delete", waiting)
    assert (again.status, again.complaint) == (1, "No job has this id, or it was deleted.\n")
    no_connector()
    forgotten(inspector, waiting, done, failed)
    assert not any(mailbox.count(fid, owner.email) for fid in (waiting, done, failed))


def test_delete_during_an_upload(
    stack: PrivateStack, jobs: Jobs, url: Urls, owner: Person, videos: Path, filename: str, inspector: Inspector
) -> None:
    """The upload is refused when it next checks its job, and deletes its chunks."""
    content = large_video(videos, MEGABYTES).read_bytes()
    headers, body = dying.raw_body(content, filename)
    target = stack.functions["upload"]
    with dying.connected(target) as connection:
        connection.sendall(dying.request_head(target, {**headers, **web.bearer(owner.token)}, filename))
        connection.sendall(body[: len(body) // 2])
        fid = until(lambda: inspector.jobs_named(filename), "the upload to begin")[0]["_id"]
        until(lambda: inspector.chunks_named("videos", fid), "chunks of it")
        # Not by the command: it could take longer to start than the upload waits for the next bytes.
        actions.delete(fid, owner=None, jobs=jobs, files=Files(inspector.database))
        assert b" 503 " in answered(connection, body[len(body) // 2 :])
    until_gone(lambda: inspector.orphans("videos"), "its chunks")
    nothing_of(fid, url, owner, inspector)
    forgotten(inspector, fid)


def answered(connection: socket.socket, rest: bytes) -> bytes:
    """Send the rest slowly, so that the upload checks its job in between; return the first line of the answer."""
    pieces = [rest[start : start + dying.PIECE] for start in range(0, len(rest), dying.PIECE)]
    for piece in pieces:
        if select.select([connection], [], [], UPLOAD_SECONDS / len(pieces))[0]:
            break
        connection.sendall(piece)
    return connection.recv(dying.PIECE).partition(b"\r\n")[0]


def test_delete_after_an_interrupted_upload(
    jobs: Jobs, url: Urls, owner: Person, videos: Path, filename: str, inspector: Inspector
) -> None:
    content = large_video(videos, MEGABYTES).read_bytes()
    dying.die(url("upload"), owner.token, dying.raw_body, content, filename, reset=True)
    until(lambda: [job["state"] for job in inspector.jobs_named(filename)] == ["aborted"], "the upload to be aborted")
    fid = inspector.jobs_named(filename)[0]["_id"]
    actions.delete(fid, owner=None, jobs=jobs, files=Files(inspector.database))
    forgotten(inspector, fid)


def test_delete_during_a_conversion(
    stack: PrivateStack,
    operator: Operator,
    url: Urls,
    owner: Person,
    videos: Path,
    inspector: Inspector,
    mailbox: Mailbox,
    jobs: Jobs,
) -> None:
    """A retry is refused; the converter loses its claim, stops, and leaves nothing behind."""
    fid = web.uploaded(url("upload"), owner.token, long_video(videos, LONG_SECONDS))
    until(lambda: inspector.job(fid)["state"] == "converting", "the conversion to begin")
    until(lambda: encoders(stack), "ffmpeg to run")
    busy = operator.jobs("retry", fid)
    assert (busy.status, "being converted right now" in busy.complaint) == (1, True)
    actions.delete(fid, owner=None, jobs=jobs, files=Files(inspector.database))
    nothing_of(fid, url, owner, inspector)
    until_gone(lambda: encoders(stack), "ffmpeg", LOST_SECONDS)
    nothing_of(fid, url, owner, inspector)
    assert inspector.job(fid)["state"] == "deleting"
    forgotten(inspector, fid)
    assert mailbox.count(fid, owner.email) == 0


def test_delete_races_convert(
    stack: PrivateStack, url: Urls, owner: Person, video: Path, inspector: Inspector, mailbox: Mailbox, jobs: Jobs
) -> None:
    """Whenever it happens, nothing of the job is left, and at most one mail was sent."""
    chance = random.Random(4)
    files = Files(inspector.database)

    def race(pause: float) -> str:
        fid = web.uploaded(url("upload"), owner.token, video)
        time.sleep(pause)
        actions.delete(fid, owner=None, jobs=jobs, files=files)
        return fid

    with ThreadPoolExecutor(4) as pool:
        fids = list(pool.map(race, [chance.uniform(0, RACE_SECONDS) for _ in range(RACES)]))
    until_gone(lambda: encoders(stack) or temporary_files(stack), "the conversions that were under way")
    stays(lambda: not temporary_files(stack), "a deleted job was converted", 1.0)
    for fid in fids:
        nothing_of(fid, url, owner, inspector)
        assert mailbox.count(fid, owner.email) <= 1
    forgotten(inspector, *fids)

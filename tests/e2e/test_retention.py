"""Retention: video, MP3 and job expire separately, and an expired MP3 is told apart from an unknown one."""

from __future__ import annotations

import hashlib
import http.client
import socket
import uuid
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.common.config import load
from functions.common.settings import Periods
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import stays, until, until_gone
from tests.e2e.conftest import Person, Urls
from tests.local.private import SHORT_PERIODS, PrivateStack
from tests.media.samples import made, sound_of, tone

SWEEPS_SECONDS = 3 * float(SHORT_PERIODS["SWEEP_EVERY_SECONDS"])
# Far more than sockets and proxies buffer between a function and its client.
MINUTES = 10
BUFFERS_BYTES = 10_000_000
PIECE = 65_536


def pass_time(inspector: Inspector, fid: str, *fields: str) -> None:
    """Move times of a job to yesterday: retention is set in days."""
    past = datetime.now(UTC) - timedelta(days=1)
    assert inspector.database.jobs.update_one({"_id": fid}, {"$set": dict.fromkeys(fields, past)}).matched_count == 1


def expire(what: str, fid: str, inspector: Inspector) -> None:
    """Let a video, an MP3 or a job expire."""
    assert inspector.job(fid)["expires"][what] > datetime.now(UTC) + timedelta(hours=12)
    pass_time(inspector, fid, f"expires.{what}")


def refused(url: Urls, owner: Person, fid: str) -> tuple[int, str]:
    """Return the status and the code of a download that must be refused."""
    answer = web.download(url("download"), owner.token, fid)
    return answer.status, answer.json()["code"]


@pytest.mark.attack("D7")
def test_video_mp3_and_job_expire_separately(
    url: Urls, owner: Person, other_user: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    """First the video is deleted, then the MP3 (410 from then on), then the job (404)."""
    fid = web.uploaded(url("upload"), owner.token, video)
    kept = inspector.done(fid)["mp3"]["file_id"]
    link = mailbox.about(fid, owner.email).link
    assert inspector.files("videos", fid) == [fid]

    expire("video", fid, inspector)
    until_gone(lambda: inspector.files("videos", fid) or inspector.chunks("videos", fid) * [fid], "the video")
    assert web.download(url("download"), owner.token, fid).status == 200
    assert "video_expired_at" in inspector.job(fid)

    expire("mp3", fid, inspector)
    until(lambda: web.download(url("download"), owner.token, fid).status == 410, "the download to be refused")
    assert refused(url, owner, fid) == (410, "expired")
    assert web.call("GET", link).status == 410
    assert web.download(url("download"), other_user.token, fid).status == 404
    assert inspector.files("mp3s", fid) == [kept], "a download may still be running"
    pass_time(inspector, fid, "cleanup.at", "cleanup.until")
    stays(lambda: inspector.files("mp3s", fid) == [kept], "the longest download is not over", SWEEPS_SECONDS)
    pass_time(inspector, fid, "mp3.expired_at", "cleanup.at", "cleanup.until")
    until_gone(lambda: inspector.files("mp3s", fid) or inspector.chunks("mp3s", fid) * [fid], "the MP3")
    assert refused(url, owner, fid) == (410, "expired")
    assert inspector.job(fid)["state"] == "done"

    expire("job", fid, inspector)
    until(lambda: inspector.job(fid)["state"] == "deleting", "the job to be deleted")
    assert refused(url, owner, fid) == refused(url, owner, str(uuid.uuid4())) == (404, "not_found")
    assert web.call("GET", link).status == 404
    pass_time(inspector, fid, "cleanup.at", "cleanup.until")
    until_gone(lambda: list(inspector.database.jobs.find({"_id": fid})), "the document")
    assert refused(url, owner, fid) == (404, "not_found")


@pytest.fixture
def large_mp3(stack: PrivateStack, url: Urls, owner: Person, videos: Path, inspector: Inspector) -> dict[str, Any]:
    """A job whose MP3 is far larger than all socket buffers."""
    recording = videos / "large.mp3"
    if not recording.exists():
        minute = made(videos / "minute.mp3", *tone(60), "-b:a", "320k")
        recording.write_bytes(sound_of(minute) * MINUTES)
    job = inspector.done(web.uploaded(url("upload"), owner.token, recording))
    assert job["mp3"]["length"] > 2 * BUFFERS_BYTES
    return job


class Download:
    """A slow download, read piece by piece."""

    def __init__(self, target: str, token: str, fid: str) -> None:
        parts = urlsplit(target)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._connection.sock = socket.socket()
        self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self._connection.sock.settimeout(30)
        self._connection.sock.connect((parts.hostname, parts.port))
        self._connection.request("GET", f"/?fid={fid}", headers=web.bearer(token))
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self._hash = hashlib.sha256()
        self.taken = 0

    def take(self) -> int:
        """Read the next piece; return its length, 0 at the end."""
        piece = self._answer.read(PIECE)
        self._hash.update(piece)
        self.taken += len(piece)
        return len(piece)

    def rest(self) -> str:
        """Read the rest, and return the SHA-256 of everything."""
        with suppress(ConnectionResetError):
            while self.take():
                continue
        return self._hash.hexdigest()

    @property
    def whole(self) -> bool:
        """Whether Content-Length bytes arrived."""
        return self._answer.length == 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def test_a_running_download_is_not_interrupted(
    large_mp3: dict[str, Any], stack: PrivateStack, owner: Person, inspector: Inspector
) -> None:
    """The MP3 expires during a download: it still arrives whole, and is deleted later."""
    fid, mp3 = large_mp3["_id"], large_mp3["mp3"]
    target = stack.functions["download"]
    with closing(Download(target, owner.token, fid)) as download:

        def refused_to_others() -> bool:
            return bool(download.take()) and web.download(target, owner.token, fid, method="HEAD").status == 410

        def kept() -> bool:
            return bool(download.take()) and inspector.files("mp3s", fid) == [mp3["file_id"]]

        assert download.take()
        expire("mp3", fid, inspector)
        until(refused_to_others, "another download to be refused")
        stays(kept, "the file was deleted", SWEEPS_SECONDS)
        assert download.taken < mp3["length"] - BUFFERS_BYTES, "most of it was not even read when the MP3 expired"
        assert download.rest() == mp3["sha256"]
        assert download.whole
    longest = float(stack.setting("sweep", "DOWNLOAD_TIMEOUT_SECONDS") or load(Periods, {}).download_timeout)
    assert inspector.job(fid)["cleanup"]["until"] > datetime.now(UTC) + timedelta(seconds=longest / 2)
    pass_time(inspector, fid, "mp3.expired_at", "cleanup.at", "cleanup.until")
    until_gone(lambda: inspector.files("mp3s", fid) or inspector.chunks("mp3s", fid) * [fid], "the MP3")


def test_a_download_interrupted_by_a_deletion_is_incomplete(
    large_mp3: dict[str, Any], stack: PrivateStack, owner: Person, inspector: Inspector
) -> None:
    """Deleting a job cuts its downloads, and the client sees that the end is missing."""
    fid = large_mp3["_id"]
    with closing(Download(stack.functions["download"], owner.token, fid)) as download:
        assert download.take()
        Operator(stack.home).done("delete", fid)
        download.rest()
        assert not download.whole
    pass_time(inspector, fid, "cleanup.at", "cleanup.until")
    until_gone(lambda: list(inspector.database.jobs.find({"_id": fid})), "the document")

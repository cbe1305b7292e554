"""One call: `Prefer: wait` answers an upload once its job has ended, or with the MP3 itself."""

from __future__ import annotations

import socket
import struct
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone
from tests.media.videos import silent_video

SECONDS = 60
MANY = 40


def sent(url: str, token: str, video: Path, prefer: str, more: int = 0) -> web.Answer:
    """Send a video, with so many bytes more than it needs."""
    headers = {**web.bearer(token), **web.RAW, "Prefer": prefer}
    return web.call("POST", f"{url}?filename=talk.mp4", headers=headers, body=video.read_bytes() + box(more))


def box(length: int) -> bytes:
    """Return a box of an MP4 that programs skip."""
    return struct.pack(">I4s", length, b"free").ljust(length, b"\0") if length else b""


@pytest.mark.parametrize("more", [0, 300_000], ids=["small", "large"])
def test_a_finished_job(more: int, route: Urls, owner: Person, video: Path) -> None:
    answer = sent(route("upload"), owner.token, video, f"wait={SECONDS}", more)
    assert (answer.status, answer.headers["Preference-Applied"]) == (200, f"wait={SECONDS}")
    job = answer.json()
    assert (job["state"], job["filename"], job["progress"]) == ("done", "talk.mp4", 100)
    assert_tone(web.download(route("download"), owner.token, job["id"]).body, 440, 3.0)


def test_a_failed_job(url: Urls, owner: Person, videos: Path) -> None:
    answer = sent(url("upload"), owner.token, silent_video(videos), f"wait={SECONDS}")
    assert (answer.status, answer.json()["code"]) == (422, "no_audio")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_whole_job_in_one_line(url: Urls, owner: Person, video: Path, tmp_path: Path) -> None:
    """As README has it."""
    target = tmp_path / "talk.mp3"
    words = ["-F", f"file=@{video}", "-H", f"Prefer: wait={SECONDS}", "-H", "Accept: audio/mpeg"]
    command = ["curl", "-sSL", "--fail-with-body", *words, "-H", f"Authorization: Bearer {owner.token}"]
    subprocess.run([*command, "-o", target, url("upload")], check=True, timeout=2 * SECONDS)
    assert_tone(target.read_bytes(), 440, 3.0)


def test_a_job_that_takes_longer(
    url: Urls, stack: PrivateStack, owner: Person, video: Path, inspector: Inspector
) -> None:
    stack.stop("connector")
    try:
        answer = sent(url("upload"), owner.token, video, "wait=1")
    finally:
        stack.start("connector")
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "wait=1")
    assert inspector.done(answer.json()["id"])["state"] == "done"


def test_many_who_wait_leave_threads_for_uploads(
    stack: PrivateStack, owner: Person, other_user: Person, video: Path, inspector: Inspector
) -> None:
    """A quarter of the threads may wait; others are answered at once."""
    place, content = urlsplit(stack.functions["upload"]), video.read_bytes()
    head = (
        f"POST /?filename=a.mp4 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {owner.token}\r\n"
        f"Content-Type: video/mp4\r\nPrefer: wait=300\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    stack.stop("connector")
    waiting = []
    try:
        for _ in range(MANY):
            waiting.append(client := socket.create_connection((place.hostname or "", place.port or 80)))
            client.sendall(head.encode() + content)
        answer = web.upload(stack.functions["upload"], other_user.token, video)
        assert answer.status == 202
    finally:
        for client in waiting:
            client.close()
        stack.start("connector")
    until(lambda: inspector.database.jobs.count_documents({"state": "ready"}) == 0, "the jobs to end", 120)

"""How a job gets to a step of upload, convert or notify: by real videos, clients, relays and signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from tests.chaos import requests
from tests.chaos.crash_harness import Harness
from tests.chaos.crash_tools import answering, at_claim, held, refuses, video
from tests.clients import dying, web
from tests.clients.waiting import until
from tests.e2e.leftovers import encoders
from tests.media.large import large_video, long_video
from tests.media.videos import half_video
from tests.unit.backends.receiver import OK
from tests.unit.backends.receiver import answering as answers

# More than upload buffers, so that part of it is stored when the client dies.
MEGABYTES = 8
LONG_SECONDS = 120
# The size of upload's reads.
PIECE_BYTES = 262_144
PAUSE_SECONDS = 0.5


def upload(harness: Harness, step: str, name: str) -> None:
    """Every step of a successful upload, its conversion and its mail."""
    harness.arm(step)
    harness.send(name, video(harness))
    harness.await_crash(step)


def told_upload(harness: Harness, step: str, name: str) -> None:
    """Every step of an upload whose client asked for a webhook."""
    harness.arm(step)
    harness.send(name, video(harness), webhook=harness.system.receiver.url())
    harness.await_crash(step)


def receiver_answers(status: int) -> Callable[[Harness, str, str], None]:
    """Return a cause whose receiver answers like this once, then accepts everything."""

    def cause(harness: Harness, step: str, name: str) -> None:
        harness.system.receiver.answers = [answers(status), OK]
        told_upload(harness, step, name)

    return cause


def answered_upload(harness: Harness, step: str, name: str) -> None:
    """Every step of an upload after its answer: the client has been promised an MP3."""
    upload(harness, step, name)
    assert harness.job(name)["_id"] in harness.acknowledged


def same_again(harness: Harness, step: str, name: str) -> None:
    """The user has an MP3 of this video, which is copied."""
    film = video(harness)
    harness.send(f"first-{name}", film)
    until(lambda: harness.job(f"first-{name}")["state"] == "done", "the first MP3")
    harness.arm(step)
    harness.send(name, film)
    harness.await_crash(step)


def first_upload(harness: Harness, step: str, name: str) -> None:
    """Nothing is counted for the user yet."""
    harness.system.inspector.database["usage"].delete_many({})
    upload(harness, step, name)


def keyed_upload(harness: Harness, step: str, name: str) -> None:
    """The upload has an Idempotency-Key."""
    _send_keyed(harness, step, name, video(harness).read_bytes())


def keyed_text(harness: Harness, step: str, name: str) -> None:
    """The upload has an Idempotency-Key and is refused."""
    _send_keyed(harness, step, name, b"text")


def _send_keyed(harness: Harness, step: str, name: str, content: bytes) -> None:
    harness.arm(step)
    harness.uploaded += 1
    target = f"{harness.system.stack.functions['upload']}/?{urlencode({'filename': name})}"
    headers = {**web.bearer(harness.system.owner.token), **web.RAW, "Idempotency-Key": f'"{name}"'}
    with pytest.raises((OSError, http.client.HTTPException)):
        web.call("POST", target, headers=headers, body=content)
    harness.await_crash(step)


def slow_upload(harness: Harness, step: str, name: str) -> None:
    """The client sends so slowly that the lease must be renewed."""
    content = large_video(harness.videos, MEGABYTES).read_bytes()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]
            time.sleep(PAUSE_SECONDS)

    harness.arm(step)
    target = f"{harness.system.stack.functions['upload']}/?{urlencode({'filename': name})}"
    harness.uploaded += 1
    with pytest.raises((OSError, http.client.HTTPException)):
        web.call("POST", target, headers={**web.bearer(harness.system.owner.token), **web.RAW}, body=pieces())
    harness.await_crash(step)


def broken_upload(harness: Harness, step: str, name: str) -> None:
    """The client dies in the middle of its upload."""
    harness.arm(step)
    content = large_video(harness.videos, MEGABYTES).read_bytes()
    target = harness.system.stack.functions["upload"]
    harness.uploaded += 1
    dying.die(target, harness.system.owner.token, dying.raw_body, content, name, reset=False)
    harness.await_crash(step)


def undecodable(harness: Harness, step: str, name: str) -> None:
    """The video looks valid but cannot be decoded."""
    harness.arm(step)
    harness.send(name, half_video(harness.videos))
    harness.await_crash(step)


def video_unreadable(harness: Harness, step: str, name: str) -> None:
    """The claimed video is temporarily unreadable."""
    harness.arm(step)
    stored = harness.system.inspector.database["videos.files"]
    with at_claim(harness, name) as fid:
        entry = stored.find_one_and_delete({"_id": fid})
    harness.await_crash(step)
    assert entry is not None
    stored.insert_one(entry)


def mp3_exists(harness: Harness, step: str, name: str) -> None:
    """The MP3 cannot be stored because a file with its name exists; the part that was stored is deleted."""
    harness.arm(step)
    with at_claim(harness, name) as fid:
        entry = {
            "_id": f"{fid}.1",
            "filename": f"{fid}.1",
            "length": 0,
            "chunkSize": 1,
            "uploadDate": datetime.now(UTC),
        }
        harness.system.inspector.database["mp3s.files"].insert_one(entry)
    harness.await_crash(step)


def convert_shut_down(harness: Harness, step: str, name: str) -> None:
    """The converter's machine shuts down in the middle of a conversion."""
    harness.arm(step)
    harness.send(name, long_video(harness.videos, LONG_SECONDS))
    until(lambda: encoders(harness.system.stack), "ffmpeg to run")
    os.kill(harness.system.stack.pid("convert"), signal.SIGTERM)
    harness.await_crash(step)
    harness.system.stack.await_healthy("convert")


def notify_shut_down(harness: Harness, step: str, name: str) -> None:
    """The notifier's machine shuts down while its claim is in transit."""
    notify = harness.system.stack.functions["notify"]
    harness.arm(step)
    with held(harness, requests.CLAIM_MAIL) as await_held:
        harness.send(name, video(harness))
        await_held()
        os.kill(harness.system.stack.pid("notify"), signal.SIGTERM)
        until(lambda: refuses(notify), "the notifier to stop")
    harness.await_crash(step)
    harness.system.stack.await_healthy("notify")


def reply_to_final_dot_lost(harness: Harness, step: str, name: str) -> None:
    """The relay takes the mail, but the connection is lost before it can reply."""
    harness.system.proxies["smtp"].drop_answer(to=requests.FINAL_DOT)
    upload(harness, step, name)
    harness.system.proxies["smtp"].heal()


def relay_refuses(harness: Harness, step: str, name: str) -> None:
    """The relay rejects the recipient once, permanently."""
    with answering(harness, "550 5.1.1 no such user"):
        upload(harness, step, name)


def relay_postpones(harness: Harness, step: str, name: str) -> None:
    """The relay rejects the recipient once, temporarily."""
    with answering(harness, "451 4.7.1 later"):
        upload(harness, step, name)


def unwanted(harness: Harness, step: str, name: str) -> None:
    """The owner wants no mails for a while."""
    _want_mails(harness, wanted=False)
    try:
        upload(harness, step, name)
    finally:
        _want_mails(harness, wanted=True)


def _want_mails(harness: Harness, *, wanted: bool) -> None:
    owner = harness.system.owner
    body = json.dumps({"mails": wanted}).encode()
    account = f"{harness.system.url('login')}/account"
    answer = web.call("PATCH", account, headers=web.basic(owner.email, owner.password), body=body)
    assert answer.status == 200, answer

"""How a job is brought to a step of upload, convert or notify: each for real, by videos, clients, relays, signals."""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from tests.chaos import requests
from tests.chaos.crash_ground import Ground
from tests.chaos.crash_means import answering, at_claim, held, refuses, video
from tests.clients import dying, web
from tests.clients.waiting import until
from tests.e2e.leftovers import encoders
from tests.media.large import large_video, long_video
from tests.media.videos import half_video

# More than upload stores at a time, so that some of it is stored when the client dies.
MEGABYTES = 8
LONG_SECONDS = 120
# What upload reads at a time.
PIECE_BYTES = 262_144
PAUSE_SECONDS = 0.5


def upload(ground: Ground, step: str, name: str) -> None:
    """Every step of an upload that goes well, of its conversion and its mail."""
    ground.arm(step)
    ground.send(name, video(ground))
    ground.await_crash(step)


def answered_upload(ground: Ground, step: str, name: str) -> None:
    """Every step of an upload that comes after its answer: the client was promised an MP3."""
    upload(ground, step, name)
    assert ground.job(name)["_id"] in ground.acknowledged


def slow_upload(ground: Ground, step: str, name: str) -> None:
    """The client sends so slowly that the lease must be renewed."""
    content = large_video(ground.videos, MEGABYTES).read_bytes()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]
            time.sleep(PAUSE_SECONDS)

    ground.arm(step)
    target = f"{ground.arena.stack.functions['upload']}/?{urlencode({'filename': name})}"
    ground.uploaded += 1
    with pytest.raises((OSError, http.client.HTTPException)):
        web.call("POST", target, headers={**web.bearer(ground.arena.owner.token), **web.RAW}, body=pieces())
    ground.await_crash(step)


def broken_upload(ground: Ground, step: str, name: str) -> None:
    """The client dies in the middle of its upload."""
    ground.arm(step)
    content = large_video(ground.videos, MEGABYTES).read_bytes()
    target = ground.arena.stack.functions["upload"]
    ground.uploaded += 1
    dying.die(target, ground.arena.owner.token, dying.raw_body, content, name, reset=False)
    ground.await_crash(step)


def undecodable(ground: Ground, step: str, name: str) -> None:
    """The video looks like one and cannot be decoded."""
    ground.arm(step)
    ground.send(name, half_video(ground.videos))
    ground.await_crash(step)


def no_video_to_be_had(ground: Ground, step: str, name: str) -> None:
    """The claimed video cannot be read for now."""
    ground.arm(step)
    stored = ground.arena.inspector.database["videos.files"]
    with at_claim(ground, name) as fid:
        entry = stored.find_one_and_delete({"_id": fid})
    ground.await_crash(step)
    assert entry is not None
    stored.insert_one(entry)


def mp3_there_already(ground: Ground, step: str, name: str) -> None:
    """The MP3 cannot be stored, for there is a file of its name; what was stored of it is deleted."""
    ground.arm(step)
    with at_claim(ground, name) as fid:
        entry = {
            "_id": f"{fid}.1",
            "filename": f"{fid}.1",
            "length": 0,
            "chunkSize": 1,
            "uploadDate": datetime.now(UTC),
        }
        ground.arena.inspector.database["mp3s.files"].insert_one(entry)
    ground.await_crash(step)


def convert_told_to_stop(ground: Ground, step: str, name: str) -> None:
    """The converter's machine shuts down in the middle of a conversion."""
    ground.arm(step)
    ground.send(name, long_video(ground.videos, LONG_SECONDS))
    until(lambda: encoders(ground.arena.stack), "ffmpeg to run")
    os.kill(ground.arena.stack.pid("convert"), signal.SIGTERM)
    ground.await_crash(step)
    ground.arena.stack.await_healthy("convert")


def notify_told_to_stop(ground: Ground, step: str, name: str) -> None:
    """The notifier's machine shuts down while its claim is on the way."""
    notify = ground.arena.stack.functions["notify"]
    ground.arm(step)
    with held(ground, requests.CLAIM_MAIL) as await_held:
        ground.send(name, video(ground))
        await_held()
        os.kill(ground.arena.stack.pid("notify"), signal.SIGTERM)
        until(lambda: refuses(notify), "the notifier to stop")
    ground.await_crash(step)
    ground.arena.stack.await_healthy("notify")


def no_answer_to_the_dot(ground: Ground, step: str, name: str) -> None:
    """The relay takes the mail and is cut off before it can say so."""
    ground.arena.proxies["smtp"].drop_answer(to=requests.FINAL_DOT)
    upload(ground, step, name)
    ground.arena.proxies["smtp"].heal()


def relay_refuses(ground: Ground, step: str, name: str) -> None:
    """The relay never takes a mail to this recipient; the next one it takes."""
    with answering(ground, "550 5.1.1 no such user"):
        upload(ground, step, name)


def relay_postpones(ground: Ground, step: str, name: str) -> None:
    """The relay takes the mail later."""
    with answering(ground, "451 4.7.1 later"):
        upload(ground, step, name)

"""MongoDB dies, is silent, or its answers are lost: an upload is refused and leaves nothing, or it is never lost."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import requests
from tests.chaos.arena import PERIODS, Arena
from tests.chaos.conftest import Whole
from tests.clients import web
from tests.clients.waiting import until
from tests.media.large import large_video

MEGABYTES = 16
TIMEOUT_SECONDS = int(PERIODS["MONGODB_TIMEOUT_SECONDS"])
# The step that fails, and the attempt to tidy up after it; what else the answer takes is little.
REFUSED_SECONDS = 2 * TIMEOUT_SECONDS + 5
ANSWERS = {
    "accept": requests.ACCEPT,
    "claim": requests.CLAIM,
    "finish": requests.FINISH,
    "hand over": requests.HAND_OVER,
    "sent": requests.MAIL_SENT,
}


def assert_refused(answer: web.Answer) -> None:
    """The answer must say that something is away, and not what."""
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")
    assert not [word for word in ("mongo", "Error", "127.0.0.1", "Traceback") if word in answer.text]


def test_killed_during_an_upload(arena: Arena, videos: Path, whole: Whole) -> None:
    content = large_video(videos, MEGABYTES).read_bytes()
    filename = f"{secrets.token_hex(4)}.avi"
    killed_at = 0.0

    def body() -> Iterator[bytes]:
        nonlocal killed_at
        yield content[: len(content) // 2]
        until(lambda: arena.inspector.orphans("videos"), "the first chunks")
        arena.stack.kill("mongodb")
        arena.proxies["mongodb"].refuse()  # the process manager is quick to start it again
        killed_at = time.monotonic()
        yield content[len(content) // 2 :]

    url = f"{arena.stack.functions['upload']}/?filename={filename}"
    answer = web.call("POST", url, headers={**web.bearer(arena.owner.token), **web.RAW}, body=body())
    assert time.monotonic() - killed_at < REFUSED_SECONDS
    assert_refused(answer)
    whole([])
    assert [job["state"] for job in arena.inspector.jobs_named(filename)] == ["aborted"]


def test_silent_during_an_upload(arena: Arena, video: Path, whole: Whole) -> None:
    filename = f"{secrets.token_hex(4)}.mp4"
    arena.proxies["mongodb"].black_hole()
    began = time.monotonic()
    assert_refused(web.upload(arena.url("upload"), arena.owner.token, video, filename))
    assert time.monotonic() - began < REFUSED_SECONDS
    for name, url in arena.stack.functions.items():
        assert web.call("GET", f"{url}/_/health").status == 200, name
    web.login(arena.url("login"), arena.owner.email, arena.owner.password)
    whole([])
    assert not arena.inspector.jobs_named(filename)


def upload_and_lose(answer: str, arena: Arena, video: Path) -> str:
    """Upload a video, and lose MongoDB's answer to one of the changes that its job goes through."""
    proxy = arena.proxies["mongodb"]
    before = proxy.strikes
    proxy.drop_answer(to=ANSWERS[answer])
    fid = arena.upload(video, f"{answer}.mp4")
    until(lambda: proxy.strikes > before, f"the answer to {answer} to be lost")
    return fid


def test_answers_that_are_lost(arena: Arena, video: Path, whole: Whole) -> None:
    fids = [upload_and_lose(name, arena, video) for name in ANSWERS]
    whole(fids)
    for job in map(arena.inspector.job, fids):
        assert (job["state"], job["mail"]["state"]) == ("done", "sent"), job
        # Everybody has found their own change when they looked again, and nobody made a second one.
        assert (job["attempts"], job["mail"]["attempts"]) == (1, 1), job


def test_an_answer_is_lost_and_nobody_says_what_became_of_the_change(arena: Arena, video: Path, whole: Whole) -> None:
    filename = f"{secrets.token_hex(4)}.mp4"
    arena.proxies["mongodb"].drop_answer(to=requests.ACCEPT)
    arena.proxies["mongodb"].hold(requests.LOOK_AGAIN)
    assert_refused(web.upload(arena.url("upload"), arena.owner.token, video, filename))
    # Nothing was deleted on a guess, though it could have been: the job can be done.
    (job,) = arena.inspector.jobs_named(filename)
    whole([job["_id"]])
    assert arena.inspector.job(job["_id"])["state"] == "done"

"""MongoDB crashes, is silent, or its answers are lost: an upload is refused and leaves nothing, or is never lost."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import requests
from tests.chaos.conftest import AssertSettled
from tests.chaos.system import PERIODS, ProxiedSystem
from tests.clients import web
from tests.clients.waiting import until
from tests.media.large import large_video

MEGABYTES = 16
TIMEOUT_SECONDS = int(PERIODS["MONGODB_TIMEOUT_SECONDS"])
# The failing step, and the attempt to clean up after it.
REFUSED_SECONDS = 2 * TIMEOUT_SECONDS + 5
ANSWERS = {
    "accept": requests.ACCEPT,
    "claim": requests.CLAIM,
    "finish": requests.FINISH,
    "hand over": requests.HAND_OVER,
    "sent": requests.MAIL_SENT,
}


def assert_refused(answer: web.Answer) -> None:
    """The answer must say that a service is unavailable, without details."""
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")
    assert not [word for word in ("mongo", "Error", "127.0.0.1", "Traceback") if word in answer.text]


def test_mongodb_is_killed_during_an_upload(system: ProxiedSystem, videos: Path, assert_settled: AssertSettled) -> None:
    content = large_video(videos, MEGABYTES).read_bytes()
    filename = f"{secrets.token_hex(4)}.avi"
    killed_at = 0.0

    def body() -> Iterator[bytes]:
        nonlocal killed_at
        yield content[: len(content) // 2]
        until(lambda: system.inspector.orphans("videos"), "the first chunks")
        system.stack.kill("mongodb")
        system.proxies["mongodb"].refuse()  # the process manager restarts it quickly
        killed_at = time.monotonic()
        yield content[len(content) // 2 :]

    url = f"{system.stack.functions['upload']}/?filename={filename}"
    answer = web.call("POST", url, headers={**web.bearer(system.owner.token), **web.RAW}, body=body())
    assert time.monotonic() - killed_at < REFUSED_SECONDS
    assert_refused(answer)
    assert_settled([])
    assert [job["state"] for job in system.inspector.jobs_named(filename)] == ["aborted"]


def test_mongodb_is_silent_during_an_upload(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    filename = f"{secrets.token_hex(4)}.mp4"
    system.proxies["mongodb"].black_hole()
    began = time.monotonic()
    assert_refused(web.upload(system.url("upload"), system.owner.token, video, filename))
    assert time.monotonic() - began < REFUSED_SECONDS
    for name, url in system.stack.functions.items():
        assert web.call("GET", f"{url}/_/health").status == 200, name
    web.login(system.url("login"), system.owner.email, system.owner.password)
    assert_settled([])
    assert not system.inspector.jobs_named(filename)


def upload_and_drop_answer(answer: str, system: ProxiedSystem, video: Path) -> str:
    """Upload a video, and drop MongoDB's answer to one of its job's transitions."""
    proxy = system.proxies["mongodb"]
    before = proxy.fault_count
    proxy.drop_answer(to=ANSWERS[answer])
    fid = system.upload(video, f"{answer}.mp4")
    until(lambda: proxy.fault_count > before, f"the answer to {answer} to be lost")
    return fid


def test_lost_answers(system: ProxiedSystem, video: Path, assert_settled: AssertSettled) -> None:
    fids = [upload_and_drop_answer(name, system, video) for name in ANSWERS]
    assert_settled(fids)
    for job in map(system.inspector.job, fids):
        assert (job["state"], job["mail"]["state"]) == ("done", "sent"), system.story(job["_id"])
        # Each function read the job again and found its own change, so none made a second one.
        assert (job["attempts"], job["mail"]["attempts"]) == (1, 1), system.story(job["_id"])


def test_a_lost_answer_and_an_unknown_outcome(
    system: ProxiedSystem, video: Path, assert_settled: AssertSettled
) -> None:
    filename = f"{secrets.token_hex(4)}.mp4"
    system.proxies["mongodb"].drop_answer(to=requests.ACCEPT)
    # Every one: on a busy machine, another function may read a job again first.
    system.proxies["mongodb"].hold(requests.FIND_JOB, every=True)
    assert_refused(web.upload(system.url("upload"), system.owner.token, video, filename))
    # Nothing was deleted on a guess: the job can still be completed.
    (job,) = system.inspector.jobs_named(filename)
    assert_settled([job["_id"]])
    assert system.inspector.job(job["_id"])["state"] == "done"

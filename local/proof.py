"""The check that the system works: log in, upload, download and receive the mail through the public URLs."""

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import requests

from local import sample
from local.account import User
from local.plan import Plan
from local.problem import Problem
from local.web import call

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.1
Found = TypeVar("Found")


def convert_sample(plan: Plan, user: User) -> Path:
    """Convert the sample video as a client would, and return the MP3 after checking it."""
    try:
        return _convert(plan, user)
    except requests.RequestException as error:
        raise Problem(f"The sample video could not be converted: {error}. {_LOGS}") from error


def _convert(plan: Plan, user: User) -> Path:
    video = sample.make(plan.home.path / "sample.mp4")
    token = _expect(call("POST", f"{plan.gateway}/login", auth=(user.email, user.password)), "log in").text.strip()
    bearer = {"Authorization": f"Bearer {token}"}
    with video.open("rb") as file:
        upload = call("POST", f"{plan.gateway}/upload", files={"file": file}, headers=bearer, timeout_seconds=60)
    fid = str(_expect(upload, "upload a video").json()["id"])
    mp3 = plan.home.path / "sample.mp3"
    mp3.write_bytes(_wait(lambda: _download(plan, fid, bearer), "the MP3"))
    sample.check(mp3)
    if plan.mailbox:
        mailbox = plan.mailbox
        _wait(lambda: _mail(mailbox, user, fid), "the mail")
    return mp3


def _download(plan: Plan, fid: str, bearer: dict[str, str]) -> bytes | None:
    answer = call("GET", f"{plan.gateway}/download", params={"fid": fid}, headers=bearer, timeout_seconds=60)
    return None if answer.status_code == HTTPStatus.CONFLICT else _expect(answer, "download the MP3").content


def _mail(mailbox: str, user: User, fid: str) -> str | None:
    mails = call("GET", f"{mailbox}/messages").json()
    about = (mail["text"] for mail in mails if user.email in mail["to"] and fid in mail["text"])
    return next(about, None)


def _expect(answer: requests.Response, action: str) -> requests.Response:
    if not answer.ok:
        raise Problem(f"Could not {action}: {answer.status_code} {answer.text.strip()}. {_LOGS}")
    return answer


def _wait(look: Callable[[], Found | None], what: str) -> Found:
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise Problem(f"The sample was uploaded, but {what} did not arrive within {WAIT_SECONDS:.0f} s. {_LOGS}")
        time.sleep(POLL_SECONDS)
    return found


_LOGS = "See: ./local/logs"

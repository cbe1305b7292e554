"""The step of upload: the response names the download, and the job is announced after it was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask, Response, current_app, g, request

from functions.backends import queue
from functions.common import errors, ids
from functions.common.bearer import Bearer
from functions.common.config import load_all
from functions.common.errors import Failure
from functions.common.settings import Links, Periods, Quotas, WebhookTargets
from functions.common.shares import Shares
from functions.upload import step
from functions.upload.admission import Stores
from tests.exploration.processes import MP4
from tests.integration.states import PERIODS
from tests.unit.in_memory import System

BEARER = Bearer("7", "ada@example.org")
LOADED = load_all(
    (Periods, Links, Quotas, WebhookTargets),
    {"PUBLIC_URL": "https://{function}.example.org", "UPLOAD_MAX_BYTES": "10000"},
)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    monkeypatch.setattr(queue, "connect", lambda: made.queue)
    return made


def taken(system: System, content: bytes = MP4, shares: Shares | None = None) -> tuple[Response, list[Any]]:
    """Upload a video; return the response, and the work that is left until it is sent."""
    with Flask("upload").test_request_context("/?filename=a.mp4&quality=4", method="POST", data=content):
        current_app.config["SHARES"] = shares
        stores = Stores(system.jobs, system.files, system.usage, system.keys)
        answer = step.answer(request._get_current_object(), BEARER, LOADED, stores)  # type: ignore[attr-defined]
        return answer, g.get("after_response", [])


def test_the_response_names_the_job_and_its_download(system: System) -> None:
    answer, _ = taken(system)
    [job] = system.database["jobs"].documents.values()
    assert answer.status_code == 202
    assert ids.is_id(job["_id"])
    assert json.loads(answer.get_data()) == {
        "id": job["_id"],
        "state": "queued",
        "links": {"download": f"https://download.example.org?fid={job['_id']}"},
    }
    assert (job["owner"], job["filename"], job["options"], job["size"]) == ("7", "a.mp4", {"quality": 4}, len(MP4))


@pytest.mark.parametrize("down", [False, True], ids=["broker up", "broker down"])
def test_the_job_is_announced_after_the_answer(down: bool, system: System) -> None:
    """The client does not wait for the broker; if that fails, sweep announces the job."""
    system.queue.down = down
    _, work = taken(system)
    assert system.queue.published == []
    [job] = system.database["jobs"].documents
    for each in work:
        each()
    assert system.queue.published == ([] if down else [("uploaded", job)])
    assert system.document(job)["announce_due"] == system.jobs.after(PERIODS.announce_gap)


def test_a_user_has_a_share_of_the_threads(system: System) -> None:
    shares = Shares(4)  # one each
    _, left = taken(system, shares=shares)
    with pytest.raises(Failure) as failure:
        taken(system, shares=shares)
    assert failure.value.kind is errors.TOO_MANY_TRANSFERS
    assert len(system.database["jobs"].documents) == 1
    for work in left:
        work()
    assert taken(system, shares=shares)[0].status_code == 202


def test_a_refused_upload_is_not_announced(system: System) -> None:
    with pytest.raises(Failure) as failure:
        taken(system, MP4 + bytes(10_000))
    assert failure.value.kind is errors.FILE_TOO_LARGE
    assert system.queue.published == []

"""A disk is full: no partial result is visible, and everything continues once there is space."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.conftest import AssertSettled
from tests.chaos.disk import grow, small_disk
from tests.chaos.system import ProxiedSystem, start_system
from tests.clients import processes, web
from tests.clients.dying import send_until_answered
from tests.clients.waiting import until
from tests.e2e.leftovers import convert_port
from tests.local.private import PrivateStack
from tests.media.large import large_video

pytestmark = pytest.mark.requires(os.geteuid() != 0, "a full disk: as root, ./local/test tests/chaos/test_disk.py")

TOO_LARGE_FOR_TMP = 4
TMP_MEGABYTES = 1
TOO_LARGE_FOR_MONGODB = 200_000_000
MONGODB_MEGABYTES = 48
ROOM_MEGABYTES = 500
RECOVERY_SECONDS = 60.0
DATA_FOLDERS = ("--storage-path=", "--dbpath=")


def test_a_full_disk_under_convert(system: ProxiedSystem, videos: Path, assert_settled: AssertSettled) -> None:
    converter = min(processes.listeners(convert_port(system.stack)))
    with small_disk(Path(processes.environment(converter)["TMPDIR"]), TMP_MEGABYTES):
        fid = system.upload(large_video(videos, TOO_LARGE_FOR_TMP))
        job = until(lambda: second_attempt(system, fid), "a second attempt")
        assert job["state"] in ("ready", "converting"), job
        assert "No space left on device" in system.stack.log("convert")
    assert_settled([fid])
    assert system.inspector.job(fid)["state"] == "done"


def second_attempt(system: ProxiedSystem, fid: str) -> dict[str, object]:
    """Return the job once it has been attempted twice."""
    job = system.inspector.job(fid)
    return job if job["attempts"] >= 2 else {}


def accepted(system: ProxiedSystem, video: Path) -> str:
    """Upload a video; return its id, or "" if there is no space yet."""
    answer = web.upload(system.url("upload"), system.owner.token, video)
    assert answer.status in (202, 503), answer
    return str(answer.json()["id"]) if answer.status == 202 else ""


def data_folder(stack: PrivateStack) -> Path:
    """Return MongoDB's data folder."""
    command, _ = stack.program("mongodb")
    return next(Path(word.partition("=")[2]) for word in command if word.startswith(DATA_FOLDERS))


def test_a_full_disk_under_mongodb(tmp_path: Path, video: Path) -> None:
    def prepare(stack: PrivateStack) -> None:
        folder = data_folder(stack)
        if folder.exists():
            folder.rmdir()
        folder.symlink_to(tmp_path)

    with small_disk(tmp_path, MONGODB_MEGABYTES), start_system(prepare=prepare) as system:
        first = system.upload(video)
        system.inspector.done(first)
        url, token, length = system.stack.functions["upload"], system.owner.token, TOO_LARGE_FOR_MONGODB
        answer = send_until_answered(url, token, length, video.read_bytes(), "too-large.mp4")
        assert answer.startswith(b"HTTP/1.1 503 "), answer

        grow(tmp_path, ROOM_MEGABYTES)
        # The server may have died because of the full disk and be restarting; until then 503 is correct.
        second = until(lambda: accepted(system, video), "an upload to be accepted", RECOVERY_SECONDS)
        fids = [first, second]
        system.settle()
        report = check(system, fids, len(fids))
        assert not report.problems, report.text()
        assert (report.done, report.mails) == (2, 2)

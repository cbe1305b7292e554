"""A disk is full: nothing half-done is visible, and everything goes on once there is room."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.arena import Arena
from tests.chaos.arena import arena as new_arena
from tests.chaos.checker import check
from tests.chaos.conftest import Whole
from tests.chaos.disk import grow, small_disk
from tests.clients import processes, web
from tests.clients.dying import send_until_answered
from tests.clients.waiting import until
from tests.e2e.leftovers import convert_port
from tests.local.private import PrivateStack
from tests.media.large import large_video

TOO_LARGE_FOR_TMP = 4
TMP_MEGABYTES = 1
TOO_LARGE_FOR_MONGODB = 200_000_000
MONGODB_MEGABYTES = 48
ROOM_MEGABYTES = 500
RECOVERY_SECONDS = 60.0
DATA_FOLDERS = ("--storage-path=", "--dbpath=")


def test_full_where_convert_works(arena: Arena, videos: Path, whole: Whole) -> None:
    converter = min(processes.listeners(convert_port(arena.stack)))
    with small_disk(Path(processes.environment(converter)["TMPDIR"]), TMP_MEGABYTES):
        fid = arena.upload(large_video(videos, TOO_LARGE_FOR_TMP))
        job = until(lambda: second_attempt(arena, fid), "a second attempt")
        assert job["state"] in ("ready", "converting"), job
        assert "No space left on device" in arena.stack.log("convert")
    whole([fid])
    assert arena.inspector.job(fid)["state"] == "done"


def second_attempt(arena: Arena, fid: str) -> dict[str, object]:
    """Return the job once it has been tried twice."""
    job = arena.inspector.job(fid)
    return job if job["attempts"] >= 2 else {}


def accepted(arena: Arena, video: Path) -> str:
    """Send a video; return its id, or nothing if there is no room for it yet."""
    answer = web.upload(arena.url("upload"), arena.owner.token, video)
    assert answer.status in (202, 503), answer
    return str(answer.json()["id"]) if answer.status == 202 else ""


def data_folder(stack: PrivateStack) -> Path:
    """Return where MongoDB keeps its data."""
    command, _ = stack.program("mongodb")
    return next(Path(word.partition("=")[2]) for word in command if word.startswith(DATA_FOLDERS))


def test_full_under_mongodb(tmp_path: Path, video: Path) -> None:
    def prepare(stack: PrivateStack) -> None:
        folder = data_folder(stack)
        if folder.exists():
            folder.rmdir()
        folder.symlink_to(tmp_path)

    with small_disk(tmp_path, MONGODB_MEGABYTES), new_arena(prepare=prepare) as arena:
        first = arena.upload(video)
        arena.inspector.done(first)
        url, token, length = arena.stack.functions["upload"], arena.owner.token, TOO_LARGE_FOR_MONGODB
        answer = send_until_answered(url, token, length, video.read_bytes(), "too-large.mp4")
        assert answer.startswith(b"HTTP/1.1 503 "), answer

        grow(tmp_path, ROOM_MEGABYTES)
        # The server may have died of the full disk and be on its way back: until then 503 is the right answer.
        second = until(lambda: accepted(arena, video), "an upload to be taken again", RECOVERY_SECONDS)
        fids = [first, second]
        arena.settle()
        report = check(arena, fids, len(fids))
        assert not report.problems, report.text()
        assert (report.done, report.mails) == (2, 2)

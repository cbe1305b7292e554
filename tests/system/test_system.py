"""The system's promises to its users, tested from outside, on any platform."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.clients import curl, web
from tests.media import tags
from tests.media.tone import assert_tone, decode_mp3
from tests.system.conftest import SECONDS, System


@pytest.fixture(scope="module")
def fid(system: System, token: str, video: Path) -> str:
    """A finished job."""
    made = web.uploaded(system.function_url("upload"), token, video)
    assert system.mp3(token, made).status == 200
    return made


def test_three_lines_and_a_mail(system: System, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "test.mp4")
    token = curl.run(curl.login_line(system.function_url("login"), system.email, system.password), tmp_path).strip()
    accepted = json.loads(curl.run(curl.upload_line(system.function_url("upload"), token), tmp_path))
    assert system.mp3(token, accepted["id"]).status == 200
    curl.run(curl.download_line(system.function_url("download"), token, accepted["id"]), tmp_path)

    assert_tone(tmp_path / "out.mp3", 440, 3.0)
    mail = system.mails.about(accepted["id"], system.email, SECONDS)
    assert web.call("GET", mail.link).body == (tmp_path / "out.mp3").read_bytes()


def test_options_reach_the_mp3(system: System, token: str, video: Path) -> None:
    options = {"bitrate": "96", "start": "0.5", "end": "2.5", "channels": "1", "title": "Ein Titel"}
    fid = web.uploaded(system.function_url("upload"), token, video, **options)
    found = tags.read(system.mp3(token, fid).body)
    assert (round(found.info.bitrate, -3), found.info.channels, str(found.tags["TIT2"])) == (96_000, 1, "Ein Titel")
    assert abs(found.info.length - 2.0) < 0.1


def test_a_part_of_the_mp3(system: System, token: str, fid: str) -> None:
    whole = web.download(system.function_url("download"), token, fid).body
    part = web.download(system.function_url("download"), token, fid, Range="bytes=100-299")
    assert (part.status, part.body) == (206, whole[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(whole)}"
    beyond = web.download(system.function_url("download"), token, fid, Range=f"bytes={len(whole)}-")
    assert beyond.status == 416


def test_a_file_that_is_not_a_video_is_refused(system: System, token: str, tmp_path: Path) -> None:
    silent = tmp_path / "text.mp4"
    silent.write_bytes(b"no video at all " * 100)
    answer = web.upload(system.function_url("upload"), token, silent)
    assert (answer.status, answer.json()["code"]) == (415, "not_media")


def test_a_wrong_token_or_password_is_refused(system: System, fid: str) -> None:
    assert web.download(system.function_url("download"), "x.y.z", fid).status == 401
    wrong = web.call("POST", system.function_url("login"), headers=web.basic(system.email, "wrong"))
    assert wrong.status == 401


def test_the_mp3_is_complete(system: System, token: str, fid: str) -> None:
    mp3 = web.download(system.function_url("download"), token, fid).body
    assert abs(len(decode_mp3(mp3)) / 44_100 - 3.0) < 0.1

"""The three lines, run by the real curl through each of the three routes: a video in, an MP3 and a mail out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.clients import curl, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.e2e.conftest import Person, Urls
from tests.media.tone import assert_tone
from tests.media.videos import tone_video

HERTZ = {"gateway": 440, "openfaas": 587, "own port": 784}


def test_three_lines_give_the_sound_and_a_mail(
    route: Urls,
    request: pytest.FixtureRequest,
    owner: Person,
    videos: Path,
    inspector: Inspector,
    mailbox: Mailbox,
    tmp_path: Path,
) -> None:
    hertz = HERTZ[request.node.callspec.params["route"]]
    shutil.copy(tone_video(videos, hertz), tmp_path / "test.mp4")

    token = curl.run(curl.login_line(route("login"), owner.email, owner.password), tmp_path)
    assert token.strip().count(".") == 2
    accepted = json.loads(curl.run(curl.upload_line(route("upload"), token.strip()), tmp_path))
    fid = accepted["id"]
    assert accepted["state"] == "queued"
    assert fid in accepted["links"]["download"]
    inspector.done(fid)
    curl.run(curl.download_line(route("download"), token.strip(), fid), tmp_path)

    assert_tone(tmp_path / "out.mp3", hertz, 3.0)
    mail = mailbox.about(fid, owner.email)
    linked = web.call("GET", mail.link)
    assert linked.status == 200
    assert linked.body == (tmp_path / "out.mp3").read_bytes()
    promised = web.call("GET", accepted["links"]["download"], headers=web.bearer(token.strip()))
    assert promised.body == linked.body

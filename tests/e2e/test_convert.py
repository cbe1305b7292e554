"""Convert: one MP3 and one mail however often the event comes, and a failure with a reason otherwise."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients import events, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import stays, until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media import videos as media
from tests.media.tone import assert_tone

WATCH_SECONDS = 4.0


@pytest.mark.attack("E4")
def test_ten_identical_events_make_one_mp3_and_one_mail(
    no_connector: Callable[[], None],
    stack: PrivateStack,
    url: Urls,
    owner: Person,
    video: Path,
    inspector: Inspector,
    mailbox: Mailbox,
) -> None:
    fid = web.uploaded(url("upload"), owner.token, video)
    assert inspector.job(fid)["state"] == "ready"

    with ThreadPoolExecutor(10) as pool:
        posts = [events.binary, events.structured] * 5
        answers = list(
            pool.map(lambda post: post(stack.functions["convert"], stack.event_token, fid, event_id="the-same"), posts)
        )

    assert [answer.status for answer in answers] == [200] * 10
    job = inspector.done(fid)
    assert job["attempts"] == 1
    assert inspector.files("mp3s", fid) == [job["mp3"]["file_id"]]
    no_connector()
    mailbox.about(fid, owner.email)
    for _ in range(10):
        assert (
            events.structured(stack.functions["notify"], stack.event_token, fid, "com.mp3converter.mp3.ready").status
            == 200
        )
    stays(lambda: mailbox.count(fid, owner.email) == 1, "a second mail came", WATCH_SECONDS)
    assert inspector.files("mp3s", fid) == [job["mp3"]["file_id"]]
    assert_tone(web.download(url("download"), owner.token, fid).body, 440, 3.0)


def assert_failed(fid: str, codes: set[str], url: Urls, owner: Person, inspector: Inspector, mailbox: Mailbox) -> None:
    """Check that the job failed for one of these reasons, and that mail and download say so."""
    job = inspector.ended(fid)
    assert job["state"] == "failed"
    assert job["error"]["code"] in codes
    assert job["error"]["title"]
    assert inspector.files("mp3s", fid) == []
    mail = mailbox.about(fid, owner.email)
    assert job["error"]["title"] in " ".join(mail.text.split())
    assert mail.link == ""
    refused = web.download(url("download"), owner.token, fid)
    assert refused.status == 422
    assert (refused.json()["code"], refused.json()["title"]) == (job["error"]["code"], job["error"]["title"])


def assert_next_converts(url: Urls, owner: Person, video: Path, inspector: Inspector) -> None:
    """Check that the next video is converted as usual."""
    fid = web.uploaded(url("upload"), owner.token, video)
    inspector.done(fid)
    assert_tone(web.download(url("download"), owner.token, fid).body, 440, 3.0)


@pytest.mark.attack("B21")
@pytest.mark.parametrize(
    ("make", "codes"),
    [(media.half_video, {"no_index"}), (media.silent_video, {"no_audio"})],
    ids=["cut in half", "without audio"],
)
def test_a_video_that_cannot_be_converted_fails_with_a_reason(
    make: Callable[[Path], Path],
    codes: set[str],
    url: Urls,
    owner: Person,
    videos: Path,
    video: Path,
    inspector: Inspector,
    mailbox: Mailbox,
) -> None:
    fid = web.uploaded(url("upload"), owner.token, make(videos))
    assert_failed(fid, codes, url, owner, inspector, mailbox)
    assert_next_converts(url, owner, video, inspector)


def test_a_stored_text_fails_with_a_reason(
    no_connector: Callable[[], None], url: Urls, owner: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    fid = web.uploaded(url("upload"), owner.token, video)
    inspector.replace_video(fid, b"Not a video, though upload took it for one.\n" * 1000)
    no_connector()
    assert_failed(fid, {"not_media", "undecodable"}, url, owner, inspector, mailbox)
    assert_next_converts(url, owner, video, inspector)


def test_a_video_waits_until_a_converter_is_free(
    no_connector: Callable[[], None], url: Urls, owner: Person, video: Path, inspector: Inspector
) -> None:
    """Uploads made while no event is delivered are all converted once the connector is back."""
    fids = [web.uploaded(url("upload"), owner.token, video) for _ in range(3)]
    assert {inspector.job(fid)["state"] for fid in fids} == {"ready"}
    no_connector()
    until(lambda: {inspector.job(fid)["state"] for fid in fids} == {"done"}, "all three to be done", 60)

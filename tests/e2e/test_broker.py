"""The broker is idle, restarts or is down: every upload is accepted and becomes one MP3 and one mail."""

from __future__ import annotations

from pathlib import Path

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import stays
from tests.e2e.conftest import Person, Urls
from tests.local.private import SHORT_PERIODS, PrivateStack
from tests.media.tone import assert_tone

# A broker drops a connection after two missed heartbeats.
HEARTBEATS = 3
# Once the broker is back: the connector's backoff, sweep's next turn, and the conversion.
AFTER_AN_OUTAGE_SECONDS = 90


def assert_arrives(fid: str, url: Urls, owner: Person, inspector: Inspector, mailbox: Mailbox) -> None:
    """Check that an upload ends as one MP3 and one mail."""
    job = inspector.done(fid, AFTER_AN_OUTAGE_SECONDS)
    assert inspector.files("mp3s", fid) == [job["mp3"]["file_id"]]
    assert_tone(web.download(url("download"), owner.token, fid).body, 440, 3.0)
    mailbox.about(fid, owner.email, AFTER_AN_OUTAGE_SECONDS)
    assert mailbox.count(fid, owner.email) == 1


def test_an_upload_after_a_long_silence(
    stack: PrivateStack, url: Urls, owner: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    assert_arrives(web.uploaded(url("upload"), owner.token, video), url, owner, inspector, mailbox)
    silence = HEARTBEATS * int(SHORT_PERIODS["RABBITMQ_HEARTBEAT_SECONDS"])
    stays(lambda: not inspector.unended(), "a job was active during the silence", silence)
    assert_arrives(web.uploaded(url("upload"), owner.token, video), url, owner, inspector, mailbox)


def test_uploads_while_the_broker_is_down_and_after_it_restarted(
    stack: PrivateStack, url: Urls, owner: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    stack.stop("rabbitmq")
    try:
        fids = [web.uploaded(url("upload"), owner.token, video) for _ in range(2)]
        assert [inspector.job(fid)["state"] for fid in fids] == ["ready", "ready"]
    finally:
        stack.start("rabbitmq")
    for fid in [*fids, web.uploaded(url("upload"), owner.token, video)]:
        assert_arrives(fid, url, owner, inspector, mailbox)

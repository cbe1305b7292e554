"""A video that a user sends again: its MP3 is copied with the new tags; for anyone else it is encoded."""

from __future__ import annotations

import io
from pathlib import Path

from mutagen.id3 import ID3

from tests.clients import web
from tests.clients.database import Inspector
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone

COPIED = "copied the MP3 of another job"


def test_a_video_that_is_sent_again(
    stack: PrivateStack, url: Urls, owner: Person, other_user: Person, video: Path, inspector: Inspector
) -> None:
    def converted(person: Person, **options: str) -> tuple[str, bytes, bool]:
        """Return a job's id, its MP3, and whether that is a copy."""
        fid = web.uploaded(url("upload"), person.token, video, **options)
        inspector.done(fid)
        answer = web.download(url("download"), person.token, fid)
        assert answer.status == 200
        lines = [line for line in stack.log("convert").splitlines() if COPIED in line and f'"job": "{fid}"' in line]
        return fid, answer.body, bool(lines)

    first, mp3, is_copy = converted(owner, title="First")
    assert not is_copy
    second, again, is_copy = converted(owner, title="Second", artist="Somebody")
    assert is_copy
    assert second != first
    tag = ID3(io.BytesIO(again))
    assert (str(tag["TIT2"]), str(tag["TPE1"])) == ("Second", "Somebody")
    assert str(ID3(io.BytesIO(mp3))["TIT2"]) == "First"
    assert_tone(again, 440, 3.0)
    assert not converted(owner, quality="7")[2]
    assert not converted(other_user, title="Second")[2]

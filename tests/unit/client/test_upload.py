"""Uploads: a body that is read as it is sent, and that a second try cannot double."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mp3converter_client import upload
from mp3converter_client.failure import Failure
from mp3converter_client.reading import Body
from tests.unit.client.conftest import service
from tests.unit.client.scripted import UNANSWERED, playing, problem, said

CONTENT = bytes(range(256)) * 1000
ACCEPTED = said({"id": "ID", "state": "queued", "links": {"download": "http://elsewhere/"}}, 202)


def sent(url: str, video: Path, progress: list[tuple[int, int]] | None = None, **options: str) -> str:
    heard = [] if progress is None else progress
    return upload.send(service(url), video, options, lambda *at: heard.append(at), lambda _: None)


def test_the_file_is_the_body_and_the_rest_is_in_the_query(tmp_path: Path) -> None:
    video = tmp_path / "a b&c=ü.mp4"
    video.write_bytes(CONTENT)
    progress: list[tuple[int, int]] = []
    with playing(ACCEPTED) as script:
        assert sent(script.url, video, progress, bitrate="192", track="1+2") == "ID"
    (seen,) = script.seen
    query = parse_qs(urlsplit(seen.target).query)
    assert query == {"filename": [video.name], "bitrate": ["192"], "track": ["1+2"]}
    assert seen.body == CONTENT
    assert seen.headers["Content-Length"] == str(len(CONTENT))
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert len(progress) > 3, "in pieces"


def test_each_try_is_the_same_upload(tmp_path: Path, waits: list[float]) -> None:
    """With the same key and the whole file, however the one before ended; another upload has another key."""
    video = tmp_path / "a.mp4"
    video.write_bytes(CONTENT)
    with playing(UNANSWERED, problem(503, "unavailable", Retry_After="3"), ACCEPTED, ACCEPTED) as script:
        sent(script.url, video)
        sent(script.url, video)
    keys = [seen.headers["Idempotency-Key"] for seen in script.seen]
    assert (len(set(keys[:3])), len(set(keys)), waits) == (1, 2, [1, 3])
    assert keys[0][0] == keys[0][-1] == '"'
    assert [seen.body for seen in script.seen] == [CONTENT] * 4


def test_a_name_in_another_encoding_is_sent_as_it_is(tmp_path: Path) -> None:
    video = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    video.write_bytes(CONTENT)
    with playing(ACCEPTED) as script:
        sent(script.url, video)
    assert "filename=caf%E9.mp4" in script.seen[0].target


def test_a_file_that_grows_is_sent_as_long_as_it_was_announced() -> None:
    file = io.BytesIO(b"0123456789")
    assert b"".join(Body(file, 7, lambda _: None)) == b"0123456"


def test_a_file_that_shrinks_is_a_failure() -> None:
    body = Body(io.BytesIO(b"0123"), 7, lambda _: None)
    with pytest.raises(Failure, match="became shorter"):
        list(body)


def test_a_file_that_cannot_be_read_is_not_taken_for_a_cut_connection(tmp_path: Path, waits: list[float]) -> None:
    class Damaged(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with playing() as script, pytest.raises(Failure, match=r"^Input/output error\.$"):
        service(script.url).call("POST", "upload", body=lambda: Body(Damaged(), 7, lambda _: None))
    assert waits == []

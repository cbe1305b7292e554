"""Range requests (RFC 9110, section 14), through every route."""

from __future__ import annotations

import base64
import hashlib
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.e2e.conftest import Person, Urls
from tests.media.large import long_video

SECONDS = 200
PIECE = 2**20


@pytest.fixture(scope="module")
def fid(url: Urls, owner: Person, videos: Path, inspector: Inspector) -> str:
    """A job that is done, whose MP3 is stored in more than one piece."""
    made = web.uploaded(url("upload"), owner.token, long_video(videos, SECONDS))
    inspector.done(made)
    return made


@pytest.fixture(scope="module")
def whole(url: Urls, owner: Person, fid: str) -> bytes:
    """The whole MP3."""
    content = web.download(url("download"), owner.token, fid).body
    assert len(content) > PIECE
    return content


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=500-", 500, None),
        ("bytes=-1", -1, None),
        ("bytes=-700", -700, None),
        ("bytes=-999999999", 0, None),
        ("bytes=10-999999999", 10, None),
        ("bytes=0-", 0, None),
        (f"bytes={PIECE - 1}-{PIECE}", PIECE - 1, PIECE + 1),
        (f"bytes={PIECE}-{PIECE}", PIECE, PIECE + 1),
    ],
)
def test_a_part(asked: str, start: int, stop: int | None, route: Urls, owner: Person, fid: str, whole: bytes) -> None:
    answer = web.download(route("download"), owner.token, fid, Range=asked)
    expected = whole[start:stop]
    first = start if start >= 0 else max(0, len(whole) + start)
    assert answer.status == 206
    assert answer.body == expected
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert answer.headers["Content-Length"] == str(len(expected))


@pytest.mark.attack("D3")
@pytest.mark.parametrize("asked", ["bytes={length}-", "bytes={length}-{length}", "bytes=99999999-"])
def test_beyond_the_end(asked: str, route: Urls, owner: Person, fid: str, whole: bytes) -> None:
    answer = web.download(route("download"), owner.token, fid, Range=asked.format(length=len(whole)))
    assert (answer.status, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(whole)}"


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    "asked",
    ["", "bytes", "bytes=", "bytes=a-b", "bytes=-", "bytes=5-2", "items=0-5", "0-5", "bytes=0-5;q=1", "bytes=--1"],
)
def test_invalid_ranges_are_ignored(asked: str, url: Urls, owner: Person, fid: str, whole: bytes) -> None:
    answer = web.download(url("download"), owner.token, fid, Range=asked)
    assert (answer.status, answer.body) == (200, whole)


@pytest.mark.attack("D3")
def test_several_parts(route: Urls, owner: Person, fid: str, whole: bytes) -> None:
    answer = web.download(route("download"), owner.token, fid, Range=f"bytes=-500, 0-99,{PIECE - 5}-{PIECE + 4}")
    assert answer.status == 206
    assert answer.headers["Content-Length"] == str(len(answer.body))
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    read = message_from_bytes(head + answer.body, policy=policy.HTTP)
    assert read.get_content_type() == "multipart/byteranges"
    length = len(whole)
    assert [(part["Content-Range"], part.get_payload(decode=True)) for part in read.iter_parts()] == [
        (f"bytes {length - 500}-{length - 1}/{length}", whole[-500:]),
        (f"bytes 0-99/{length}", whole[:100]),
        (f"bytes {PIECE - 5}-{PIECE + 4}/{length}", whole[PIECE - 5 : PIECE + 5]),
    ]


@pytest.mark.attack("D3")
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("bytes=0-1,5-6", 206),
        ("bytes=" + ",".join(["0-"] * 16), 206),
        ("bytes=" + ",".join(["0-"] * 1000), 200),
        ("bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(900)), 200),
        ("bytes=-0", 416),
    ],
)
def test_overlapping_ranges_return_no_byte_twice(
    asked: str, status: int, url: Urls, owner: Person, fid: str, whole: bytes
) -> None:
    answer = web.download(url("download"), owner.token, fid, Range=asked)
    assert (answer.status, len(answer.body) <= len(whole)) == (status, True)


@pytest.mark.attack("D5")
def test_head_has_the_headers_of_get(route: Urls, owner: Person, fid: str, whole: bytes) -> None:
    head = web.download(route("download"), owner.token, fid, method="HEAD")
    get = web.download(route("download"), owner.token, fid)
    assert (head.status, head.body) == (200, b"")
    changing = {"Date", "X-Request-Id", "Connection"}
    assert {n: v for n, v in head.headers.items() if n not in changing} == {
        n: v for n, v in get.headers.items() if n not in changing
    }
    assert head.headers["Accept-Ranges"] == "bytes"
    assert head.headers["Content-Length"] == str(len(whole))


def test_the_digest_is_that_of_the_whole_file(route: Urls, owner: Person, fid: str, whole: bytes) -> None:
    expected = f"sha-256=:{base64.b64encode(hashlib.sha256(whole).digest()).decode()}:"
    for asked in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=0-9,5000-5009"}):
        assert web.download(route("download"), owner.token, fid, **asked).headers["Repr-Digest"] == expected


@pytest.mark.attack("D3", "D5")
def test_if_range_needs_the_same_file(url: Urls, owner: Person, fid: str, whole: bytes) -> None:
    tag = web.download(url("download"), owner.token, fid, method="HEAD").headers["ETag"]
    same = web.download(url("download"), owner.token, fid, Range="bytes=0-9", If_Range=tag)
    assert (same.status, same.body) == (206, whole[:10])
    other = web.download(url("download"), owner.token, fid, Range="bytes=0-9", If_Range='"another"')
    assert (other.status, other.body) == (200, whole)


@pytest.mark.attack("D5")
def test_an_unchanged_mp3_is_not_sent_again(url: Urls, owner: Person, fid: str) -> None:
    tag = web.download(url("download"), owner.token, fid, method="HEAD").headers["ETag"]
    answer = web.download(url("download"), owner.token, fid, If_None_Match=tag)
    assert (answer.status, answer.body) == (304, b"")


def test_the_parts_add_up_to_the_file(url: Urls, owner: Person, fid: str, whole: bytes) -> None:
    size = len(whole) // 7
    parts = [
        web.download(url("download"), owner.token, fid, Range=f"bytes={start}-{start + size - 1}").body
        for start in range(0, len(whole), size)
    ]
    assert b"".join(parts) == whole

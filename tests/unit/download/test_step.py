"""The step of download: who may download, and the headers of the response."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Request, Response, current_app, g, request
from werkzeug.test import EnvironBuilder

from functions.backends import files, jobs
from functions.backends.files import MP3S
from functions.common import errors, ids, links
from functions.common.bearer import Bearer
from functions.common.config import load_all
from functions.common.errors import Failure
from functions.common.settings import Links, Periods, SignedLinks, Verifying
from functions.common.shares import Shares
from functions.common.tokens import Signer
from functions.common.waveform import Waveform
from functions.convert import tags
from functions.convert.metadata import CHAPTERS_MOST, Chapter
from functions.download import step
from functions.jobs import actions
from local.token_keys import private_key
from tests.integration import states
from tests.unit.in_memory import System

SIGNER = Signer(private_key(), 60)
LOADED = load_all(
    (Links, Periods, SignedLinks, Verifying),
    {"JWT_PUBLIC_KEYS": json.dumps(SIGNER.key_set), "LINK_SECRET": "0123456789abcdef" * 2},
)
OWNER, STRANGER = Bearer("1", "a@example.org"), Bearer("2", "b@example.org")
LENGTH = len(b"bytes")

Ask = Callable[..., Response]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    monkeypatch.setattr(jobs, "connect", lambda: made.jobs)
    monkeypatch.setattr(files, "connect", lambda: made.files)
    return made


@pytest.fixture
def job_id(system: System) -> str:
    """A finished job of the owner."""
    return states.done(system.sweeper)


def download(
    path: str, bearer: Bearer | None = OWNER, method: str = "GET", shares: Shares | None = None, **headers: str
) -> Response:
    """Request an MP3."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    if bearer:
        named.append(("Authorization", f"Bearer {SIGNER.sign(bearer)}"))
    with Flask("download").test_request_context(path, method=method, headers=named):
        current_app.config["SHARES"] = shares
        answer = step.answer(request._get_current_object(), LOADED)  # type: ignore[attr-defined]
        for work in g.get("after_response", []):
            answer.call_on_close(work)
        return answer


def refusal(path: str, bearer: Bearer | None = OWNER) -> errors.Kind:
    """Return why an MP3 is refused."""
    with pytest.raises(Failure) as failure:
        download(path, bearer)
    return failure.value.kind


def test_its_owner_gets_the_mp3_by_query_and_by_path(job_id: str) -> None:
    for path in (f"/?fid={job_id}", f"/{job_id}", f"/{job_id}/", f"/whatever?fid={job_id}"):
        answer = download(path)
        assert (answer.status_code, answer.get_data(), answer.content_type) == (200, b"bytes", "audio/mpeg")
        assert answer.content_length == LENGTH


def test_another_users_job_is_like_an_unknown_id(job_id: str) -> None:
    assert refusal(f"/?fid={job_id}", STRANGER) == refusal(f"/?fid={ids.new()}", STRANGER) == errors.NOT_FOUND
    assert refusal(f"/?fid={job_id}", None) is errors.UNAUTHORIZED


@pytest.mark.attack("D2")
@pytest.mark.parametrize("path", ["/", "/?fid=", "/?fid=x", "/?fid[$ne]=x", "/{}.1", "/?fid={}%00", "/?fid=../jobs"])
def test_an_invalid_id_is_never_looked_up(path: str, job_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def look() -> None:
        pytest.fail("the database was queried")

    monkeypatch.setattr(jobs, "connect", look)
    assert refusal(path.format(job_id)) is errors.NOT_FOUND


def test_a_signed_link_needs_no_token(job_id: str) -> None:
    signed = links.sign(job_id, 0, LOADED[SignedLinks])
    assert download(f"/?link={signed}", None).get_data() == b"bytes"
    assert refusal(f"/?link={signed}x", None) is errors.EXPIRED_LINK
    assert refusal(f"/?link={job_id}", OWNER) is errors.EXPIRED_LINK, "an invalid link must not be used as an id"


@pytest.mark.parametrize("byte", ["%ff", "\xff"])
def test_bytes_that_are_not_utf_8_find_nothing(byte: str, job_id: str) -> None:
    """A client may send them percent-encoded or raw."""

    def refused(query: str) -> errors.Kind:
        environ = EnvironBuilder("/", headers=[("Authorization", f"Bearer {SIGNER.sign(OWNER)}")]).get_environ()
        environ["QUERY_STRING"] = query
        with pytest.raises(Failure) as failure:
            step.answer(Request(environ), LOADED)
        return failure.value.kind

    assert refused(f"fid={job_id}{byte}") is errors.NOT_FOUND
    assert refused(f"fid={job_id}&{byte}=x&link={byte}") is errors.EXPIRED_LINK


def test_the_first_of_several_ids_counts(job_id: str) -> None:
    assert download(f"/?fid={job_id}&fid={ids.new()}").get_data() == b"bytes"
    assert refusal(f"/?fid={ids.new()}&fid={job_id}") is errors.NOT_FOUND


def test_a_signed_link_to_a_deleted_job(system: System, job_id: str) -> None:
    system.database["jobs"].documents.clear()
    assert refusal(f"/?link={links.sign(job_id, 0, LOADED[SignedLinks])}", None) is errors.NOT_FOUND


def test_a_revoked_link(system: System, job_id: str) -> None:
    """A new one works, and so does its owner's token."""
    first, second, third = (links.sign(job_id, version, LOADED[SignedLinks]) for version in range(3))
    assert refusal(f"/?link={second}", None) is errors.EXPIRED_LINK, "a version that there is not yet"
    actions.revoke_links(job_id, owner=None, jobs=system.jobs)
    assert refusal(f"/?link={first}", None) is errors.EXPIRED_LINK
    assert download(f"/?link={second}", None).get_data() == b"bytes"
    actions.revoke_links(job_id, owner=None, jobs=system.jobs)
    assert refusal(f"/?link={first}", None) is refusal(f"/?link={second}", None) is errors.EXPIRED_LINK
    assert download(f"/?link={third}", None).get_data() == download(f"/{job_id}").get_data() == b"bytes"


def test_the_owner_has_a_share_of_the_threads(job_id: str, system: System) -> None:
    """Also for downloads by a link, until they end."""
    shares = Shares(4)  # one each
    first = download(f"/{job_id}", shares=shares)
    signed = links.sign(job_id, 0, LOADED[SignedLinks])
    for path, bearer in ((f"/{job_id}", OWNER), (f"/?link={signed}", None)):
        with pytest.raises(Failure) as failure:
            download(path, bearer, shares=shares)
        assert failure.value.kind is errors.TOO_MANY_TRANSFERS
    first.close()
    assert download(f"/?link={signed}", None, shares=shares).get_data() == b"bytes"


def test_a_part(job_id: str) -> None:
    answer = download(f"/{job_id}", Range="bytes=1-3")
    assert (answer.status_code, answer.get_data(), answer.content_length) == (206, b"yte", 3)
    assert answer.headers["Content-Range"] == "bytes 1-3/5"


def test_several_parts(job_id: str, system: System) -> None:
    content = bytes(range(250))
    system.files.delete(MP3S, f"{job_id}.1")
    with system.files.write(MP3S, f"{job_id}.1") as writer:
        writer.write(content)
        writer.finish()
    answer = download(f"/{job_id}", Range="bytes=-2,0-1")
    assert answer.status_code == 206
    assert answer.content_type.startswith("multipart/byteranges; boundary=")
    assert "Content-Range" not in answer.headers
    body = answer.get_data()
    assert answer.content_length == len(body)
    assert body.index(content[-2:] + b"\r\n") < body.index(content[:2] + b"\r\n")
    one = download(f"/{job_id}", Range="bytes=0-1,300-")
    assert (one.status_code, one.get_data(), one.content_type) == (206, content[:2], "audio/mpeg")
    assert one.headers["Content-Range"] == "bytes 0-1/250"


def test_every_answer_has_the_digest_of_the_whole_file(job_id: str) -> None:
    expected = f"sha-256=:{base64.b64encode(hashlib.sha256(b'bytes').digest()).decode()}:"
    asked: list[dict[str, Any]] = [{}, {"method": "HEAD"}, {"Range": "bytes=1-3"}, {"Want_Repr_Digest": "sha-512=10"}]
    for each in asked:
        assert download(f"/{job_id}", **each).headers["Repr-Digest"] == expected
    asked = [{"If_None_Match": "*"}, {"Want_Repr_Digest": "sha-512=10, sha-256=0"}]
    for each, status in zip(asked, (304, 200), strict=True):
        without = download(f"/{job_id}", **each)
        assert (without.status_code, "Repr-Digest" in without.headers) == (status, False)


def test_a_browser_may_play_it(job_id: str) -> None:
    for query in ("inline=1", "fid=&inline=1", "inline=1&inline=0"):
        answer = download(f"/{job_id}?{query}")
        assert answer.headers["Content-Disposition"] == "inline; filename=\"a.mp3\"; filename*=UTF-8''a.mp3"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for query in ("", "inline", "inline=", "inline=0", "inline=attachment"):
        assert download(f"/{job_id}?{query}").headers["Content-Disposition"].startswith("attachment; ")


def test_an_archive_of_several(system: System, job_id: str) -> None:
    pair = f"{job_id},{states.done(system.sweeper)}"
    for path in (
        f"/archive?ids={pair}",
        f"/archive/?ids={pair}",
        f"/?archive={pair}",
        f"/?archive={pair}&fid={job_id}",
    ):
        answer = download(path)
        body = answer.get_data()
        assert (answer.status_code, answer.content_type, answer.content_length) == (200, "application/zip", len(body))
        assert answer.headers["Content-Disposition"] == "attachment; filename=\"mp3s.zip\"; filename*=UTF-8''mp3s.zip"
        assert answer.headers["Accept-Ranges"] == "none"
        assert zipfile.ZipFile(io.BytesIO(body)).namelist() == ["a.mp3", "a (2).mp3"]
        head = download(path, method="HEAD")
        assert (head.status_code, head.get_data(), dict(head.headers)) == (200, b"", dict(answer.headers))
        assert download(path, Range="bytes=0-3").status_code == 200
    assert refusal(f"/archive?ids={pair}", None) is errors.UNAUTHORIZED
    assert refusal(f"/archive?ids={pair}", STRANGER) is errors.NOT_FOUND
    assert refusal("/archive") is refusal("/?archive=") is errors.INVALID_IDS
    shares = Shares(4)  # one each
    first = download(f"/archive?ids={pair}", shares=shares)
    with pytest.raises(Failure) as failure:
        download(f"/archive?ids={pair}", shares=shares)
    assert failure.value.kind is errors.TOO_MANY_TRANSFERS
    first.close()


def drawn(system: System) -> str:
    """Return a finished job of the owner whose MP3 has a waveform."""
    job_id = states.done(system.sweeper)
    system.files.delete(MP3S, f"{job_id}.1")
    with system.files.write(MP3S, f"{job_id}.1") as writer:
        writer.finish(waveform=Waveform(8_000, 64, b"\x80\x7f\0\1").to_document())
    return job_id


def test_the_waveform(system: System) -> None:
    job_id = drawn(system)
    link = links.sign(job_id, 0, LOADED[SignedLinks])
    for path, bearer in (
        (f"/peaks?fid={job_id}", OWNER),
        (f"/peaks/?fid={job_id}", OWNER),
        (f"/?peaks&fid={job_id}", OWNER),
        (f"/?peaks=1&fid={job_id}", OWNER),
        (f"/{job_id}?peaks", OWNER),
        (f"/peaks?link={link}", None),
    ):
        answer = download(path, bearer)
        assert (answer.status_code, answer.content_type) == (200, "application/json")
        assert answer.get_json() == {
            "version": 2,
            "channels": 1,
            "sample_rate": 8000,
            "samples_per_pixel": 64,
            "bits": 8,
            "length": 2,
            "data": [-128, 127, 0, 1],
        }
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Last-Modified"]
        tag = answer.headers["ETag"]
        assert tag != download(f"/{job_id}").headers["ETag"], "an address may answer with both"
        same = download(path, bearer, If_None_Match=tag)
        assert (same.status_code, same.get_data(), same.headers["ETag"]) == (304, b"", tag)
        assert dict(download(path, bearer, method="HEAD").headers) == dict(answer.headers)


def test_who_gets_no_waveform(system: System, job_id: str) -> None:
    assert refusal(f"/peaks?fid={job_id}") is errors.NO_PEAKS, "an MP3 of an earlier version, or one that was copied"
    assert refusal(f"/peaks?fid={drawn(system)}", STRANGER) is refusal("/peaks") is errors.NOT_FOUND
    assert refusal(f"/peaks?fid={job_id}", None) is errors.UNAUTHORIZED
    assert refusal(f"/peaks?fid={states.converting(system.sweeper)}") is errors.NOT_READY


def test_the_chapters(system: System, job_id: str) -> None:
    """In the form of Podcasting 2.0; an MP3 without any has no list."""
    assert refusal(f"/chapters?fid={job_id}") is errors.NO_CHAPTERS
    system.files.delete(MP3S, f"{job_id}.1")
    with system.files.write(MP3S, f"{job_id}.1") as writer:
        writer.finish(chapters=[[0.0, 1.25, "One"], [1.25, 2.5, ""]])
    link = links.sign(job_id, 0, LOADED[SignedLinks])
    for path, bearer in (
        (f"/chapters?fid={job_id}", OWNER),
        (f"/?chapters&fid={job_id}", OWNER),
        (f"/{job_id}?chapters", OWNER),
        (f"/chapters?link={link}", None),
    ):
        answer = download(path, bearer)
        assert (answer.status_code, answer.content_type) == (200, "application/json+chapters")
        assert json.loads(answer.get_data()) == {
            "version": "1.2.0",
            "chapters": [{"startTime": 0.0, "endTime": 1.25, "title": "One"}, {"startTime": 1.25, "endTime": 2.5}],
        }
        tag = answer.headers["ETag"]
        assert tag != download(f"/{job_id}").headers["ETag"], "an address may answer with both"
        same = download(path, bearer, If_None_Match=tag)
        assert (same.status_code, same.get_data()) == (304, b"")
        assert dict(download(path, bearer, method="HEAD").headers) == dict(answer.headers)
    assert refusal(f"/chapters?fid={job_id}", STRANGER) is errors.NOT_FOUND
    assert refusal(f"/chapters?fid={job_id}", None) is errors.UNAUTHORIZED


def pictured(system: System, content: bytes) -> str:
    """Return a finished job of the owner whose MP3 has these bytes as its picture."""
    job_id = stored(system, b"ID3 " + content + b" frames")
    system.database["jobs"].documents[job_id]["mp3"]["picture"] = [4, 4 + len(content)]
    return job_id


def stored(system: System, mp3: bytes) -> str:
    """Return a finished job of the owner with this MP3."""
    job_id = states.done(system.sweeper)
    system.files.delete(MP3S, f"{job_id}.1")
    with system.files.write(MP3S, f"{job_id}.1") as writer:
        writer.write(mp3)
        writer.finish()
    return job_id


def test_the_picture_of_an_earlier_version_is_found_in_its_tag(system: System) -> None:
    """Behind all texts and chapters that fit into a tag, and without a write."""
    picture = b"\xff\xd8\xff" + bytes(range(256)) * 5000
    most = {"title": "\U0001f3b5" * 300, "artist": "\u00e9" * 300, "others": {"comment": "\0\0x" * 300}}
    chapters = [Chapter(each, each + 1, "\U0001f3b5" * 300) for each in range(CHAPTERS_MOST)]
    for tag in (tags.encoded(cover=picture), tags.encoded(**most, chapters=chapters, cover=picture, length=2**21)):  # type: ignore[arg-type]
        job_id = stored(system, tag + b"\xff\xfb frames")
        before = copy.deepcopy(system.database["jobs"].documents[job_id])
        assert "picture" not in before["mp3"]
        for method, expected in (("GET", picture), ("HEAD", b"")):
            answer = download(f"/cover?fid={job_id}", method=method)
            assert (answer.status_code, answer.content_type, answer.get_data()) == (200, "image/jpeg", expected)
            assert answer.content_length == len(picture)
        assert system.database["jobs"].documents[job_id] == before


TAG = tags.encoded(title="x", cover=b"\xff\xd8\xff picture", length=300)
APIC = TAG.index(b"APIC")


@pytest.mark.parametrize(
    "mp3",
    [
        b"",
        b"ID3",
        b"\xff\xfb frames",
        tags.encoded(title="x") + b"\xff\xfb APIC",
        TAG[:5] + b"\x80" + TAG[6:],
        b"ID3\x03" + TAG[4:],
        TAG[:APIC],
        TAG[: APIC + 10],
        TAG[: APIC + 24],
        TAG[: APIC + 4] + b"\x7f\x7f\x7f\x7f" + TAG[APIC + 8 :],
        TAG[: APIC + 4] + b"\xff\xff\xff\xff" + TAG[APIC + 8 :],
        TAG[: APIC + 4] + bytes(4) + TAG[APIC + 8 :],
        TAG[: APIC + 10] + b"\3" + b"x" * (len(TAG) - APIC - 11),
        TAG.replace(b"APIC", b"\0PIC"),
        TAG.replace(b"\xff\xd8\xff", b"<b>"),
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"TIT2\0\0\0\0\0\0" * 40_000 + TAG[APIC:],
    ],
    ids=range(16),
)
def test_a_tag_without_a_picture(system: System, mp3: bytes) -> None:
    assert refusal(f"/cover?fid={stored(system, mp3)}") is errors.NO_COVER


def test_the_picture(system: System) -> None:
    picture = b"\xff\xd8\xff" + bytes(range(256)) * 5000
    job_id = pictured(system, picture)
    link = links.sign(job_id, 0, LOADED[SignedLinks])
    for path, bearer in (
        (f"/cover?fid={job_id}", OWNER),
        (f"/?cover&fid={job_id}", OWNER),
        (f"/{job_id}?cover=1", OWNER),
        (f"/cover?link={link}", None),
        (f"/{job_id}.jpg?cover=1&link={link}", None),
    ):
        answer = download(path, bearer)
        assert (answer.status_code, answer.content_type, answer.get_data()) == (200, "image/jpeg", picture)
        assert answer.content_length == len(picture)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        tag = answer.headers["ETag"]
        assert tag != download(f"/{job_id}").headers["ETag"], "an address may answer with both"
        same = download(path, bearer, If_None_Match=tag)
        assert (same.status_code, same.get_data()) == (304, b"")
        head = download(path, bearer, method="HEAD")
        assert (head.get_data(), dict(head.headers)) == (b"", dict(answer.headers))
    assert refusal(f"/cover?fid={job_id}", STRANGER) is refusal("/cover") is errors.NOT_FOUND
    assert refusal(f"/cover?fid={job_id}", None) is errors.UNAUTHORIZED
    actions.revoke_links(job_id, owner=None, jobs=system.jobs)
    assert refusal(f"/cover?link={link}", None) is errors.EXPIRED_LINK
    shares = Shares(4)  # one each
    first = download(f"/cover?fid={job_id}", shares=shares)
    with pytest.raises(Failure) as failure:
        download(f"/cover?fid={job_id}", shares=shares)
    assert failure.value.kind is errors.TOO_MANY_TRANSFERS
    first.close()


def test_who_gets_no_picture(system: System, job_id: str) -> None:
    assert refusal(f"/cover?fid={job_id}") is errors.NO_COVER, "of an earlier version, without one"
    system.database["jobs"].documents[job_id]["mp3"]["picture"] = None
    assert refusal(f"/cover?fid={job_id}") is errors.NO_COVER
    assert refusal(f"/cover?fid={pictured(system, b'<svg onload=alert(1)>')}") is errors.NO_COVER
    assert refusal(f"/cover?fid={states.converting(system.sweeper)}") is errors.NOT_READY


def test_head_has_the_same_headers_and_reads_nothing(system: System, job_id: str) -> None:
    whole = download(f"/{job_id}")
    system.database["mp3s.chunks"].documents.clear()
    head = download(f"/{job_id}", method="HEAD", Range="bytes=1-3")
    assert (head.status_code, head.get_data()) == (200, b"")
    assert dict(head.headers) == dict(whole.headers)


def test_an_unchanged_mp3_is_not_sent_again(job_id: str) -> None:
    tag = download(f"/{job_id}").headers["ETag"]
    same = download(f"/{job_id}", If_None_Match=f'"another", {tag}', Range="bytes=1-3")
    assert (same.status_code, same.get_data(), same.headers["ETag"]) == (304, b"", tag)
    assert download(f"/{job_id}", If_None_Match='"another"').status_code == 200


def test_a_new_mp3_is_another_version(system: System, job_id: str) -> None:
    tag = download(f"/{job_id}").headers["ETag"]
    states.store(system.sweeper, MP3S, f"{job_id}.2")
    system.database["jobs"].documents[job_id]["mp3"]["file_id"] = f"{job_id}.2"
    assert download(f"/{job_id}").headers["ETag"] != tag
    assert download(f"/{job_id}", If_None_Match=tag).status_code == 200


def test_it_is_not_kept_by_shared_caches(job_id: str) -> None:
    headers = download(f"/{job_id}").headers
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("private, no-cache", "nosniff")
    assert headers["Accept-Ranges"] == "bytes"


@pytest.mark.attack("D4")
@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.mp4", "attachment; filename=\"a.mp3\"; filename*=UTF-8''a.mp3"),
        ("my holiday.mp4", "attachment; filename=\"my holiday.mp3\"; filename*=UTF-8''my%20holiday.mp3"),
        ("Grüße.mp4", "attachment; filename=\"Grue.mp3\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.mp3"),
        ('a"; x="b.mp4', "attachment; filename=\"a; x=b.mp3\"; filename*=UTF-8''a%22%3B%20x%3D%22b.mp3"),
        ("50%20\\.mp4", "attachment; filename=\"5020.mp3\"; filename*=UTF-8''50%2520%5C.mp3"),
        ("日本.mp4", "attachment; filename=\"sound.mp3\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.mp3"),
        ("日 本.mp4", "attachment; filename=\"sound.mp3\"; filename*=UTF-8''%E6%97%A5%20%E6%9C%AC.mp3"),
        ("a\r\nb: c\x7f.mp4", "attachment; filename=\"ab: c.mp3\"; filename*=UTF-8''ab%3A%20c.mp3"),
        ("\ud800.mp4", "attachment; filename=\"video.mp3\"; filename*=UTF-8''video.mp3"),
        ("'*.mp4", "attachment; filename=\"'*.mp3\"; filename*=UTF-8''%27%2A.mp3"),
    ],
)
def test_the_file_is_saved_under_the_name_of_its_video(name: str, header: str, system: System, job_id: str) -> None:
    """In ASCII for old clients, in UTF-8 for others; no character can end the header value."""
    system.database["jobs"].documents[job_id]["filename"] = name
    assert download(f"/{job_id}").headers["Content-Disposition"] == header

"""Download: only by the owner, when it is ready; otherwise the answer says why not."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone
from tests.media.videos import tone_video


@pytest.fixture(scope="module")
def fid(url: Urls, owner: Person, videos: Path, inspector: Inspector) -> str:
    """A job that is done."""
    made = web.uploaded(url("upload"), owner.token, tone_video(videos), "my holiday.mp4")
    inspector.done(made)
    return made


def refusal(answer: web.Answer) -> tuple[int, dict[str, str]]:
    """Return an error answer without what is specific to its request."""
    body = answer.json()
    assert body.pop("request_id")
    return answer.status, body


def test_the_owner_gets_the_mp3(route: Urls, owner: Person, fid: str) -> None:
    answer = web.download(route("download"), owner.token, fid)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert "my holiday.mp3" in answer.headers["Content-Disposition"]
    assert_tone(answer.body, 440, 3.0)
    below = web.call("GET", f"{route('download')}/{fid}", headers=web.bearer(owner.token))
    assert below.body == answer.body
    played = web.call("GET", f"{route('download')}?fid={fid}&inline=1", headers=web.bearer(owner.token))
    assert played.headers["Content-Disposition"].startswith('inline; filename="my holiday.mp3"')
    assert played.body == answer.body


@pytest.mark.parametrize("form", ["/peaks?fid={}", "?peaks&fid={}"])
def test_the_owner_gets_the_waveform(form: str, route: Urls, owner: Person, other_user: Person, fid: str) -> None:
    url = route("download") + form.format(fid)
    answer = web.call("GET", url, headers=web.bearer(owner.token))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    found = answer.json()
    assert (found["version"], found["channels"], found["bits"]) == (2, 1, 8)
    assert len(found["data"]) == 2 * found["length"] > 1000
    assert found["length"] * found["samples_per_pixel"] / found["sample_rate"] == pytest.approx(3.0, abs=0.1)
    assert 10 < max(found["data"]) < 128
    known = web.call("GET", url, headers=web.bearer(owner.token) | {"If-None-Match": answer.headers["ETag"]})
    head = web.call("HEAD", url, headers=web.bearer(owner.token))
    assert (known.status, head.status, known.body, head.body) == (304, 200, b"", b"")
    assert head.headers["Content-Length"] == str(len(answer.body))
    assert web.call("GET", url, headers=web.bearer(other_user.token)).status == 404
    assert web.call("GET", url).status == 401


@pytest.mark.attack("D1")
def test_another_users_job_is_unknown(url: Urls, owner: Person, other_user: Person, fid: str) -> None:
    theirs = web.download(url("download"), other_user.token, fid)
    unknown = web.download(url("download"), other_user.token, str(uuid.uuid4()))
    assert refusal(theirs) == refusal(unknown)
    assert theirs.status == 404
    assert theirs.json()["code"] == "not_found"
    assert web.download(url("download"), owner.token, str(uuid.uuid4())).status == 404


@pytest.mark.attack("D2")
@pytest.mark.parametrize(
    "wrong", ["", "x", "../jobs", "{'$gt': ''}", "0" * 4000, "\u00e9", "a\x00b", "{fid}.1", "{fid} ", "{FID}", "%7B%7D"]
)
def test_a_malformed_id_is_unknown(wrong: str, url: Urls, owner: Person, fid: str) -> None:
    asked = wrong.replace("{fid}", fid).replace("{FID}", fid.upper())
    unknown = web.download(url("download"), owner.token, str(uuid.uuid4()))
    assert refusal(web.download(url("download"), owner.token, asked)) == refusal(unknown)


@pytest.mark.attack("D2")
def test_a_query_operator_is_not_an_id(url: Urls, owner: Person) -> None:
    answer = web.call("GET", f"{url('download')}?{quote('fid[$ne]')}=x", headers=web.bearer(owner.token))
    assert answer.status == 404


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer abc", "Basic abc"])
def test_a_token_is_required(authorization: str | None, url: Urls, fid: str) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = web.call("GET", f"{url('download')}?fid={fid}", headers=headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.attack("D7")
def test_an_unfinished_job_is_not_ready(
    stack: PrivateStack, url: Urls, owner: Person, other_user: Person, video: Path, inspector: Inspector
) -> None:
    stack.stop("connector")
    try:
        waiting = web.uploaded(url("upload"), owner.token, video)
        answer = web.download(url("download"), owner.token, waiting)
        hidden = web.download(url("download"), other_user.token, waiting)
    finally:
        stack.start("connector")
    assert (answer.status, answer.json()["code"], answer.json()["state"]) == (409, "not_ready", "queued")
    assert int(answer.headers["Retry-After"]) >= 1
    assert hidden.status == 404
    inspector.done(waiting)
    assert web.download(url("download"), owner.token, waiting).status == 200


def test_the_link_in_the_mail_needs_no_token(url: Urls, owner: Person, fid: str, mailbox: Mailbox) -> None:
    link = mailbox.about(fid, owner.email).link
    answer = web.call("GET", link)
    assert answer.status == 200
    assert answer.body == web.download(url("download"), owner.token, fid).body
    assert owner.token not in mailbox.about(fid, owner.email).text


def test_a_changed_link_is_refused(owner: Person, fid: str, mailbox: Mailbox) -> None:
    link = mailbox.about(fid, owner.email).link
    signed = link.partition("link=")[2]
    for changed in (signed[:-1], signed[:-2] + ("AA" if signed[-2:] != "AA" else "BB"), "x" + signed, fid, ""):
        answer = web.call("GET", link.replace(signed, changed))
        assert answer.status == 401, changed
        assert b"ID3" not in answer.body


def test_download_only_allows_get_and_head(url: Urls, owner: Person, fid: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = web.download(url("download"), owner.token, fid, method=method)
        assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")

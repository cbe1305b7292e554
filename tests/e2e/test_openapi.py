"""The document of the API is true: each operation answers as it says, also to requests that no schema describes."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.described import Api
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.e2e.conftest import Person
from tests.e2e.test_accounts import PASSWORD, Stranger, token_in
from tests.e2e.test_delete import forgotten
from tests.local.private import PrivateStack
from tests.media.another import another_file
from tests.media.samples import made
from tests.media.videos import silent_video
from tests.unit.backends.receiver import receiver

JSON = {"Content-Type": "application/json"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
WAIT = {"Prefer": "wait=60"}
PAGE = {"Accept": "text/html,*/*;q=0.8"}
ODD_VALUES = ("", "x", "-1", "9" * 40, "a,b;c=d", '"', "1e999")
ODD_TEXTS = ("\0", "\N{PILE OF POO}" * 90, "../..", "\r\n")  # no headers have them
ODD_BODIES = (
    b"",
    b"{",
    b"[]",
    b"{}",
    b'{"a": 1, "a": 2}',
    b'{"name": "\\ud800", "days": true}',
    b"\xff",
    b"[" * 50_000,
)


@pytest.fixture(scope="module")
def api(stack: PrivateStack) -> Api:
    """The system behind the gateway."""
    return Api(stack.gateway)


@pytest.fixture
def finished(stack: PrivateStack, api: Api, other_user: Person, video: Path) -> tuple[dict[str, str], str]:
    """The header of a user's token, and the id of a job of theirs that is done."""
    bearer = web.bearer(other_user.token)
    job = api.call("upload", headers={**bearer, **WAIT}, body=video.read_bytes(), query={"filename": "a.mp4"}).json()
    assert job["state"] == "done"
    return bearer, job["id"]


def chaptered(video: Path, folder: Path) -> Path:
    """Return a copy of a video with a chapter."""
    text = folder / "chapters.txt"
    text.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2500\ntitle=Welcome\n")
    return made(folder / "chapters.mp4", "-i", str(video), "-i", str(text), "-c", "copy", "-map_chapters", "1")


def test_every_operation(
    stack: PrivateStack,
    api: Api,
    other_user: Person,
    video: Path,
    videos: Path,
    inspector: Inspector,
    mailbox: Mailbox,
    tmp_path: Path,
) -> None:
    """Each is called at least once with success."""
    api.called.clear()
    _accounts(stack, api, mailbox)
    with receiver() as server:
        job_id = _uploads(api, other_user, chaptered(video, tmp_path), videos, server.url())
        _downloads(api, other_user, job_id)
        _jobs(api, other_user, job_id, inspector)
    mail = mailbox.about(job_id, other_user.email)
    (stop,) = {link for link in mail.links if "/mails?u=" in link}
    unsubscribe = {"u": stop.partition("?u=")[2]}
    api.call("showStopMails", query=unsubscribe)
    api.call("stopMails", query=unsubscribe)
    for deleted in _ends(api, other_user, job_id):
        forgotten(inspector, deleted)
    every = {operation["operationId"] for _, _, operation in api.document.operations()}
    assert {operation for operation, status in api.called if status < 400} == every


def _accounts(stack: PrivateStack, api: Api, mailbox: Mailbox) -> None:
    api.call("showPublicKeys")
    api.call("listKeys")  # without a password
    api.call("showDocument")
    email = f"{secrets.token_hex(6)}@example.org"
    stranger = Stranger(f"{stack.gateway}/login", email, mailbox)
    given = json.dumps({"email": email, "password": PASSWORD}).encode()
    api.call("register", headers=JSON, body=given)
    token = token_in(stranger.letter())
    api.call("showConfirmation", query={"token": token})
    api.call("confirm", headers=JSON, body=json.dumps({"token": token}).encode())
    api.call("recover", headers=JSON, body=json.dumps({"email": email}).encode())
    token = token_in(stranger.letter(2))
    api.call("showReset", query={"token": token})
    api.call("reset", headers=JSON, body=json.dumps({"token": token, "password": PASSWORD}).encode())
    basic = web.basic(email, PASSWORD)
    api.call("logIn", headers=basic)
    assert api.call("logIn", headers={**basic, "Accept": "application/json"}).json()["token_type"] == "Bearer"
    key = api.call("makeKey", headers={**basic, **JSON}, body=b'{"name": "a program", "days": 2}').json()
    assert api.call("listKeys", headers=basic).json()["keys"][0]["id"] == key["id"]
    api.call("revokeKey", headers=basic, id=key["id"])
    api.call("showAccount", headers=basic)
    api.call("changeAccount", headers={**basic, **JSON}, body=b'{"mails": false}')
    api.call("changePassword", headers={**basic, **JSON}, body=json.dumps({"password": PASSWORD}).encode())
    another = json.dumps({"email": f"{secrets.token_hex(6)}@example.org", "password": PASSWORD}).encode()
    api.call("addUser", headers={**web.bearer(stack.secret("signup_token")), **JSON}, body=another)
    page = {"X-Requested-With": "page"}
    begun = api.call("beginSession", headers={**basic, **page})
    cookie = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}
    assert api.call("beginSession", headers={**cookie, **page}).json() == begun.json()
    assert api.call("logIn", headers={**basic, **page}, query={"session": ""}).json() == begun.json()
    for operation, query in (("endSession", {}), ("endSessionByQuery", {"session": ""})):
        api.call(operation, headers=page, query=query)
    form = {"Origin": stack.gateway, "Content-Type": "application/x-www-form-urlencoded"}
    api.call("beginSessionByForm", headers=form, body=urlencode({"email": email, "password": PASSWORD}).encode())
    refused = api.call("beginSessionByForm", headers={**form, **PAGE}, body=urlencode({"email": email}).encode())
    assert (refused.status, refused.headers.get_content_type()) == (401, "text/html")
    api.call("endSessionByForm", headers=form)
    api.call("closeAccount", headers=basic)


def _uploads(api: Api, user: Person, video: Path, videos: Path, hook: str) -> str:
    bearer, content = web.bearer(user.token), video.read_bytes()
    options = {"bitrate": "64", "title": "My talk", "start": "0:00.5", "cover": "1", "webhook": hook}
    done = api.call("upload", headers={**bearer, **WAIT}, body=content, query={"filename": "a.mp4", **options})
    assert (done.status, done.json()["options"]) == (200, {"bitrate": 64, "title": "My talk", "start": 0.5, "cover": 1})
    form, body = web.multipart(("file", "b.mp4", content))
    accepted = api.call("upload", headers={**bearer, **form, "Idempotency-Key": '"once"'}, body=body)
    assert accepted.status == 202
    found = api.call(
        "uploadByPut", headers={**bearer, **WAIT, "Accept": "audio/mpeg"}, body=another_file(video).read_bytes()
    )
    assert found.status == 303
    failed = api.call(
        "uploadNamed", headers={**bearer, **WAIT}, body=silent_video(videos).read_bytes(), filename="c.mp4"
    )
    assert (failed.status, failed.json()["code"]) == (422, "no_audio")
    for operation in ("uploadNamed", "uploadNamedByPut"):
        assert api.call(operation, headers=bearer, body=content, filename="ü d.mp4").status == 202
    assert api.call("upload", headers={**bearer, **PAGE}, body=content).headers["Location"].startswith("../jobs/")
    api.call("showUsage", headers=bearer)
    api.call("showUsageByQuery", headers=bearer, query={"usage": ""})
    return str(done.json()["id"])


def _downloads(api: Api, user: Person, job_id: str) -> None:
    bearer = web.bearer(user.token)
    whole = api.call("download", headers=bearer, fid=job_id)
    etag = {"If-None-Match": whole.headers["ETag"]}
    assert api.call("download", headers={**bearer, **etag}, fid=job_id).status == 304
    assert api.call("download", headers={**bearer, "If-Match": '"x"'}, fid=job_id).status == 412
    for operation, given in (("download", {"fid": job_id}), ("downloadByQuery", {"query": {"fid": job_id}})):
        for ranges, status in (("bytes=0-99", 206), ("bytes=0-9,5000-5009", 206), ("bytes=99999999-", 416)):
            call: Any = api.call
            assert call(operation, headers={**bearer, "Range": ranges}, **given).status == status
    api.call("downloadByQuery", headers=bearer, query={"fid": job_id, "inline": "1"})
    api.call("downloadByQuery", headers=bearer, query={"fid": job_id, "peaks": ""})
    api.call("downloadByQuery", headers=bearer, query={"archive": job_id})
    audio = api.call("showJob", headers=bearer, id=job_id).json()["links"]["audio"]
    api.call("downloadByQuery", query={"link": audio.partition("link=")[2]})
    api.call("showPeaks", headers=bearer, query={"fid": job_id})
    api.call("showChapters", headers=bearer, query={"fid": job_id})
    api.call("downloadByQuery", headers=bearer, query={"fid": job_id, "chapters": ""})
    api.call("showCover", headers=bearer, query={"fid": job_id})
    api.call("downloadByQuery", headers=bearer, query={"fid": job_id, "cover": ""})
    api.call("downloadArchive", headers=bearer, query={"ids": job_id})


def _jobs(api: Api, user: Person, job_id: str, inspector: Inspector) -> None:
    bearer = web.bearer(user.token)

    def shown() -> Any:
        return api.call("showJob", headers=bearer, id=job_id).json()

    def told() -> None:
        until(lambda: (shown()["mail"], shown()["webhook"]) == ("sent", "sent"), "the mail and the webhook")

    assert api.call("listJobs", headers=bearer, query={"limit": "1"}).headers["Link"]
    api.call("listJobs", headers=bearer, query={"id": job_id})
    for page in (
        api.call("listJobs", headers={**bearer, **PAGE}),
        api.call("showJob", headers={**bearer, **PAGE}, id=job_id),
    ):
        assert page.headers.get_content_type() == "text/html"
    api.call("listJobs", headers=bearer, query={"id": job_id, "events": ""})
    for fixed in ("openapi", "picture"):
        api.call("listJobs", query={fixed: ""})
    api.call("showPodcastPicture")
    api.call("followJobs", headers=bearer)
    stream = api.call("followJob", headers=bearer, id=job_id)
    assert stream.body == b"retry: 2000\n"
    told()
    api.call("sendMailAgain", headers=bearer, id=job_id)
    api.call("sendWebhookAgain", headers=bearer, id=job_id)
    told()
    assert api.call("retryJob", headers={**bearer, **JSON}, body=b'{"bitrate": 96}', id=job_id).status == 202
    inspector.done(job_id)
    told()
    assert api.call("makeLink", headers={**bearer, **JSON}, body=b'{"days": 1}', id=job_id).status == 201
    api.call("revokeLinks", headers=bearer, id=job_id)
    api.call("revokeLinksByPost", headers=bearer, id=job_id)
    for action, status in (("link", 201), ("revoke", 204), ("mail", 202)):
        assert api.call("changeJobByQuery", headers=bearer, query={"id": job_id, "do": action}).status == status
    told()
    assert api.call("changeJobByQuery", headers=bearer, query={"feed": ""}).status == 201
    secret = api.call("makePodcast", headers=bearer).json()["url"].rpartition("/")[2]
    podcast = api.call("showPodcast", secret=secret)
    assert api.call("showPodcast", headers={"If-None-Match": podcast.headers["ETag"]}, secret=secret).status == 304
    assert api.call("listJobs", query={"feed": secret}).body == podcast.body
    api.call("endPodcast", headers=bearer)
    assert api.call("showPodcast", secret=secret).status == 404


def _ends(api: Api, user: Person, job_id: str) -> list[str]:
    bearer = web.bearer(user.token)
    every = api.call("listJobs", headers=bearer).json()["jobs"]
    first, second, third = [job["id"] for job in every if job["id"] != job_id][:3]
    api.call("deleteJob", headers=bearer, id=job_id)
    api.call("deleteJobByPost", headers=bearer, id=first)
    api.call("deleteJobByQuery", headers=bearer, query={"id": second})
    api.call("changeJobByQuery", headers=bearer, query={"id": third, "do": "delete"})
    assert api.call("showJob", headers=bearer, id=job_id).status == 404
    return [job_id, first, second, third]


def test_the_methods_of_every_path(api: Api) -> None:
    """A path supports what the document has there, HEAD where it has GET, and nothing else."""
    root = {"/upload": ["usage"], "/login": ["session"], "/jobs": [f"id={UNKNOWN}", f"id={UNKNOWN}&do=retry"]}
    for path in api.document.content["paths"]:
        at = api.document.methods_at(path)
        if path == "/upload/usage":  # a video may have that name
            at |= api.document.methods_at("/upload/{filename}")
        named = path.format(id=UNKNOWN, fid=UNKNOWN, filename="a.mp4", secret="x")
        found = set().union(*(api.allowed(f"{named}?{query}") for query in ["", *root.get(path, [])]))
        assert found - {"OPTIONS"} == at | ({"HEAD"} if "GET" in at else set()), path


def test_odd_parameters(api: Api, finished: tuple[dict[str, str], str]) -> None:
    """Each parameter of what needs a token or nothing, with each odd value: no answer is another than documented."""
    bearer, job_id = finished
    for path, method, operation in api.document.operations():
        name = operation["operationId"]
        known: dict[str, Any] = {"id": job_id if method == "GET" else UNKNOWN, "fid": job_id}
        known |= {"filename": "a.mp4", "secret": "x"}
        if {"password": []} in operation["security"] or (name.startswith("upload") and name != "upload"):
            continue
        body = b"x" if "requestBody" in operation else None
        for parameter in api.document.parameters(path, method):
            place = parameter["in"]
            for value in ODD_VALUES if place == "header" else ODD_VALUES + ODD_TEXTS:
                odd = {parameter["name"]: value}
                headers, query = dict(bearer), {"fid": job_id} if path == "/download" else {}
                if place == "query":
                    query |= odd
                elif place == "header":
                    headers |= odd
                elif not value.strip("./\r\n\0"):
                    continue  # another path
                found = api.call(
                    name, headers=headers, query=query, body=body, **(known | odd if place == "path" else known)
                )
                assert found.status < 500, (name, odd, found)


def test_odd_bodies(api: Api, other_user: Person) -> None:
    headers = {"password": web.basic(other_user.email, other_user.password), "token": web.bearer(other_user.token)}
    for _, _, operation in api.document.operations():
        if "requestBody" not in operation:
            continue
        (scheme,) = operation["security"][0] if operation["security"] else ("",)
        for kind in (*operation["requestBody"]["content"], "text/plain"):
            for body in ODD_BODIES:
                given = {**headers.get(scheme, {}), "Content-Type": kind}
                found = api.call(operation["operationId"], headers=given, body=body, id=UNKNOWN, filename="a.mp4")
                assert 400 <= found.status < 500, (operation["operationId"], kind, body[:40], found)

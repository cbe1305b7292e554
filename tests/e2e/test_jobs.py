"""jobs through every door: a user's jobs are listed, shown, converted again, shared and deleted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.e2e.test_access import lines
from tests.e2e.test_delete import forgotten
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone
from tests.media.videos import silent_video


def ask(method: str, url: str, token: str, body: Any = None) -> web.Answer:
    """Make a request, with JSON if there is a body."""
    return web.call(method, url, headers=web.bearer(token), body=json.dumps(body).encode() if body else None)


def followed(url: str) -> web.Answer:
    """Open an address that needs no token."""
    return web.call("GET", url)


def test_the_life_of_a_job(
    route: Urls, owner: Person, other_user: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    """Converted, and again with other options: its links lead to the new MP3 until they are revoked."""
    jobs, token = route("jobs"), owner.token
    fid = web.uploaded(route("upload"), token, video, bitrate="64")
    inspector.done(fid)
    mailbox.about(fid, owner.email)
    until(lambda: ask("GET", f"{jobs}/{fid}", token).json()["mail"] == "sent", "the mail")
    shown = ask("GET", f"{jobs}?id={fid}", token).json()
    assert (shown["state"], shown["options"], shown["filename"]) == ("done", {"bitrate": 64}, video.name)
    first = followed(shown["links"]["audio"])
    assert (first.status, len(first.body)) == (200, shown["mp3"]["size"])
    assert web.call("GET", shown["links"]["download"], headers=web.bearer(token)).body == first.body
    assert ask("GET", shown["links"]["peaks"], token).json()["data"]
    made = ask("POST", f"{jobs}/{fid}/link", token, {"days": 1})
    assert made.status == 201
    link = made.json()["url"]
    assert followed(link).body == first.body
    assert ask("POST", f"{jobs}/{fid}/retry", other_user.token).status == 404

    again = ask("POST", f"{jobs}?{urlencode({'id': fid, 'do': 'retry', 'bitrate': 192})}", token)

    assert (again.status, again.json()["options"]) == (202, {"bitrate": 192})
    until(lambda: ask("GET", f"{jobs}/{fid}", token).json()["state"] == "done", "the second conversion")
    second = followed(link)
    assert len(second.body) > 2 * len(first.body)
    assert_tone(second.body, 440, 3.0)
    until(lambda: mailbox.count(fid, owner.email) == 2, "the second mail")
    until(lambda: ask("GET", f"{jobs}/{fid}", token).json()["mail"] == "sent", "the second mail to be sent")
    assert ask("POST", f"{jobs}/{fid}/mail", token).status == 202
    until(lambda: mailbox.count(fid, owner.email) == 3, "the mail once more")
    until(lambda: ask("GET", f"{jobs}/{fid}", token).json()["mail"] == "sent", "it to be sent")
    assert ask("DELETE", f"{jobs}/{fid}/link", token).status == 204
    assert [followed(old).status for old in (link, shown["links"]["audio"])] == [401, 401]
    assert followed(ask("GET", f"{jobs}/{fid}", token).json()["links"]["audio"]).body == second.body

    assert ask("DELETE", f"{jobs}/{fid}", token).status == 204
    assert ask("GET", f"{jobs}/{fid}", token).status == 404
    assert inspector.files("videos", fid) == inspector.files("mp3s", fid) == []
    forgotten(inspector, fid)


def test_a_failed_job_is_converted_again(
    url: Urls, owner: Person, video: Path, videos: Path, inspector: Inspector
) -> None:
    fid = web.uploaded(url("upload"), owner.token, silent_video(videos))
    inspector.ended(fid)
    failed = ask("GET", f"{url('jobs')}/{fid}", owner.token).json()
    assert (failed["state"], failed["error"]["code"]) == ("failed", "no_audio")
    inspector.replace_video(fid, video.read_bytes())
    assert ask("POST", f"{url('jobs')}/{fid}/retry", owner.token).status == 202
    done = until(lambda: _done(ask("GET", f"{url('jobs')}/{fid}", owner.token).json()), "the second conversion")
    assert "error" not in done


def _done(shown: Any) -> Any:
    return shown if shown["state"] == "done" else None


def test_the_list(route: Urls, other_user: Person, video: Path, inspector: Inspector) -> None:
    """Newest first, in pages that name the next one by an address that works."""
    names = [f"{letter}.mp4" for letter in "abcde"]
    fids = [web.uploaded(route("upload"), other_user.token, video, name) for name in names]
    for fid in fids:
        inspector.done(fid)
    found = []
    page: str | None = f"{route('jobs')}/?limit=2"
    while page:
        answer = ask("GET", page, other_user.token)
        found += [job["id"] for job in answer.json()["jobs"]]
        link = answer.headers["Link"]
        page = link.partition(">")[0].removeprefix("<") if link else None
    assert found == fids[::-1]
    filtered = ask("GET", f"{route('jobs')}?q=B.MP&state=done,failed", other_user.token).json()["jobs"]
    assert [job["filename"] for job in filtered] == ["b.mp4"]
    head = ask("HEAD", f"{route('jobs')}?limit=2", other_user.token)
    assert (head.status, head.body, bool(head.headers["Link"])) == (200, b"", True)


def test_what_comes_without_a_token(route: Urls, stack: PrivateStack) -> None:
    """A stranger learns what there is to ask for, and nothing else."""
    options = web.call("OPTIONS", route("jobs"))
    assert (options.status, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    refused = web.call("GET", f"{route('jobs')}//")
    assert (refused.status, refused.json()["code"]) == (401, "unauthorized")
    assert web.call("GET", f"{stack.functions['jobs']}/_/health").json()["keys"]


def test_a_line_in_the_log(stack: PrivateStack, url: Urls, owner: Person, video: Path, inspector: Inspector) -> None:
    fid = web.uploaded(url("upload"), owner.token, video)
    job = inspector.done(fid)
    assert ask("GET", f"{url('jobs')}/{fid}", owner.token).status == 200
    (line,) = until(partial(lines, stack, "jobs", job=fid), "the line")
    assert (line["method"], line["status"], line["user"]) == ("GET", 200, job["owner"])
    assert owner.token not in stack.log("jobs")


@pytest.mark.attack("D8")
def test_a_link_for_an_hour_has_a_signature(url: Urls, owner: Person, video: Path, inspector: Inspector) -> None:
    fid = web.uploaded(url("upload"), owner.token, video)
    inspector.done(fid)
    audio = ask("GET", f"{url('jobs')}/{fid}", owner.token).json()["links"]["audio"]
    assert urlsplit(audio).query.startswith("link=")
    assert followed(audio).status == 200
    assert followed(audio[:-2] + "xx").status == 401

"""Each request and event leaves one line in the log, which tells whose it was and what it was about."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.clients import events, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack

FIELDS = {"bytes", "function", "level", "message", "method", "milliseconds", "request_id", "status", "time", "trace_id"}


def lines(stack: PrivateStack, function: str, **about: object) -> list[dict[str, Any]]:
    """Return a function's access lines with these fields."""
    found = [json.loads(line) for line in stack.log(function).splitlines() if line.startswith("{")]
    return [line for line in found if line["message"] == "request" and about.items() <= line.items()]


def test_every_step_leaves_a_line(
    stack: PrivateStack, url: Urls, owner: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    token = web.login(url("login"), owner.email, owner.password)
    fid = web.uploaded(url("upload"), token, video)
    job = inspector.done(fid)
    mailbox.about(fid, owner.email)
    mp3 = web.call("GET", f"{url('download')}?fid={fid}", headers=web.bearer(token))
    expected = {
        "upload": ("POST", 202, {"user": job["owner"]}),
        "convert": ("POST", 200, {}),
        "notify": ("POST", 200, {}),
        "download": ("GET", 200, {"user": job["owner"], "bytes": len(mp3.body)}),
    }
    for function, (method, status, more) in expected.items():
        (line,) = until(partial(lines, stack, function, job=fid), f"the line of {function}")
        assert line.keys() >= FIELDS
        assert (line["method"], line["status"], line["level"]) == (method, status, "INFO")
        assert more.items() <= line.items()
    assert until(partial(lines, stack, "login", user=job["owner"]), "the line of login")
    wrong = web.call("POST", url("login"), headers=web.basic(owner.email, "wrong horse"))
    assert wrong.status == 401
    refused = until(partial(lines, stack, "login", request_id=wrong.headers["X-Request-Id"]), "the refused login")
    assert [(line["status"], "user" in line) for line in refused] == [(401, False)]
    assert owner.password not in stack.log("login")
    assert token not in "".join(map(stack.log, stack.functions))


@pytest.mark.attack("S2")
@pytest.mark.parametrize(
    "forged", ['\r\n{"message": "forged"}\r\n', '\n{"message": "forged"}\n', "\x1b[2J\x9b2J\x7f\b\0"]
)
def test_no_client_can_write_a_line_of_its_own(
    forged: str, stack: PrivateStack, url: Urls, owner: Person, video: Path, inspector: Inspector, mailbox: Mailbox
) -> None:
    """In its address, its file's name, its headers and its events; functions' logs are only lines of printable JSON."""
    fid = web.uploaded(url("upload"), owner.token, video, f"a{quote(forged)}.mp4")
    name = quote(f"b{forged}.mp4", safe="")
    answer = web.call(
        "POST", f"{url('upload')}/?filename={name}", headers=web.bearer(owner.token), body=video.read_bytes()
    )
    assert answer.status == 202, answer
    for job in (fid, answer.json()["id"]):
        inspector.done(job)
        mailbox.about(job, owner.email)
    assert web.call("POST", url("login"), headers=web.basic(f"{owner.email}{forged}", "x")).status in (400, 401)
    control = forged.replace("\r", "").replace("\n", "").replace("\0", "")
    headers = {"User-Agent": control, "X-Call-Id": control, "X-Request-Id": control, "traceparent": control}
    # Straight to the function: the gateway refuses such headers.
    target = f"{stack.functions['download']}/{quote(forged)}"
    assert web.call("GET", target, headers=web.bearer(owner.token) | headers).status in (400, 404)
    # The only control characters that HTTP lets through.
    latin = {"X-Call-Id": "\x85\x9b2J", "X-Request-Id": "\x85\x9b2J"}
    assert web.call("GET", stack.functions["download"], headers=web.bearer(owner.token) | latin).status == 404
    event = events.structured(stack.functions["notify"], stack.event_token, fid, events.UPLOADED, event_id=f"1{forged}")
    assert event.status == 400
    binary = events.binary(stack.functions["convert"], stack.event_token, fid, event_id=f"1{control}")
    assert binary.status in (200, 400)
    for function in stack.functions:
        for line in stack.log(function).split("\n"):
            assert line.isprintable()
            assert not line.startswith("{") or json.loads(line)["message"] != "forged"

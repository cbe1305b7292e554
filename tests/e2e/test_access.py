"""Each request and event leaves one line in the log, which tells whose it was and what it was about."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack

FIELDS = {"bytes", "function", "level", "message", "method", "milliseconds", "request_id", "status", "time", "trace_id"}


def lines(stack: PrivateStack, function: str, **about: str) -> list[dict[str, Any]]:
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

"""One trace from an upload through both queues to the mail, in every log line about it."""

from __future__ import annotations

import email
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from functions.common import trace
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until
from tests.connector.queues import Queues
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"
STEPS = {"upload": "received", "convert": "conversion ended", "notify": "mail ended", "connector": "delivered"}


def uploaded(url: Urls, owner: Person, video: Path, headers: dict[str, str]) -> str:
    """Upload a video with further headers; return the job's id."""
    answer = web.call(
        "POST", url("upload"), headers={**web.bearer(owner.token), **web.RAW, **headers}, body=video.read_bytes()
    )
    assert answer.status == 202, answer
    return str(answer.json()["id"])


def lines(stack: PrivateStack, function: str, fid: str) -> list[dict[str, str]]:
    """Return what a function has logged about a job."""
    found = [json.loads(line) for line in stack.log(function).splitlines() if fid in line and line.startswith("{")]
    return [line for line in found if fid in (line.get("job"), line.get("subject"))]


def saying(message: str, stack: PrivateStack, function: str, fid: str) -> list[dict[str, str]]:
    """Return those with a given message."""
    return [line for line in lines(stack, function, fid) if line["message"] == message]


def sent(stack: PrivateStack, fid: str) -> str:
    """Return the traceparent in the header of a job's mail."""
    mails = (email.message_from_bytes(path.read_bytes()) for path in stack.home.rglob("*.eml"))
    (mail,) = [mail for mail in mails if mail.get("Message-ID", "").startswith(f"<{fid}")]
    return str(mail["Traceparent"])


@pytest.mark.parametrize("headers", [{"traceparent": GIVEN}, {}, {"traceparent": "nonsense"}])
def test_one_trace_from_the_upload_to_the_mail(
    headers: dict[str, str],
    stack: PrivateStack,
    url: Urls,
    owner: Person,
    video: Path,
    inspector: Inspector,
    mailbox: Mailbox,
) -> None:
    """The caller's trace is continued, or a new one starts; each step is its own span."""
    fid = uploaded(url, owner, video, headers)
    inspector.done(fid)
    mailbox.about(fid, owner.email)
    kept = inspector.job(fid)["traceparent"]
    assert trace.parse(kept) == kept
    assert (kept[3:35] == TRACE) is (headers.get("traceparent") == GIVEN)
    assert sent(stack, fid) == kept
    spans = []
    for function, message in STEPS.items():
        (line, *_) = until(partial(saying, message, stack, function, fid), f"{function} to log {message!r}")
        assert line["trace_id"] == kept[3:35], line
        spans.append(line["span_id"])
    # The connector names the span that sent the event: upload's.
    assert len(set(spans)) == len(STEPS) - 1


def test_the_trace_survives_a_lost_event(
    stack: PrivateStack,
    url: Urls,
    owner: Person,
    video: Path,
    inspector: Inspector,
    no_connector: Callable[[], None],
    queues: Queues,
) -> None:
    """An event that sweep sends again belongs to the trace stored in the job."""
    with queues.awaiting_one("videos"):
        fid = uploaded(url, owner, video, {"traceparent": GIVEN})
    queues.empty("videos")
    no_connector()
    inspector.done(fid)
    for function, message in {"convert": "conversion ended", "sweep": "swept"}.items():
        (line, *_) = until(partial(saying, message, stack, function, fid), f"{function} to log {message!r}")
        assert line["trace_id"] == TRACE

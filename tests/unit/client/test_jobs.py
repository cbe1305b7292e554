"""Jobs: followed by events, and by asking where there are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mp3converter_client import jobs
from mp3converter_client.failure import Failure
from tests.unit.client.conftest import service
from tests.unit.client.scripted import Line, playing, problem, said

STREAM = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
END = b"0\r\n\r\n"


def job(state: str, progress: int = 0) -> dict[str, Any]:
    return {"id": "ID", "state": state, "progress": progress}


def chunk(text: str) -> bytes:
    return f"{len(text.encode()):x}\r\n{text}\r\n".encode()


def event(content: Any, name: str, kind: str = "message") -> bytes:
    return chunk(f"event: {kind}\nid: {name}\ndata: {json.dumps(content)}\n\n")


def stream(*events: bytes, end: bytes = END) -> Line:
    return Line(
        200, STREAM, chunk("retry: 10\nid: 1\n\n") + b"".join(events) + end, None if end else len(b"".join(events)) + 99
    )


QUEUED, HALF, DONE = job("queued"), job("converting", 50), job("done", 100)


def followed(url: str) -> tuple[Any, list[Any]]:
    told: list[Any] = []
    return jobs.until_ended(service(url), "ID", told.append), told


def test_events_tell_the_end() -> None:
    with playing(stream(event(QUEUED, "2"), event(HALF, "3"), chunk(": still here\n\n"), event(DONE, "4"))) as script:
        assert followed(script.url) == (DONE, [QUEUED, HALF, DONE])
    assert script.seen[0].target == "/jobs/ID/events"


def test_a_stream_that_ends_or_breaks_goes_on_from_its_last_event(waits: list[float]) -> None:
    lines = [stream(event(QUEUED, "2")), said(QUEUED), stream(event(HALF, "3"), end=b""), said(HALF)]
    with playing(*lines, stream(event(DONE, "4"))) as script:
        assert followed(script.url) == (DONE, [QUEUED, HALF, DONE])
    streams = [seen.headers.get("Last-Event-ID") for seen in script.seen if seen.target.endswith("events")]
    assert (streams, waits) == ([None, "2", "3"], [0.01, 0.01])


@pytest.mark.parametrize(
    "none",
    [
        problem(429, "too_many_streams"),
        problem(503, "busy"),
        said(QUEUED),  # a way that knows no events
        Line(502, {}, b"<html>"),
    ],
    ids=["too many", "busy", "no stream", "a proxy"],
)
def test_without_events_the_job_is_asked_for(none: Line, waits: list[float]) -> None:
    with playing(none, said(QUEUED), said(HALF), said(DONE)) as script:
        assert followed(script.url)[0] == DONE
    assert [seen.target for seen in script.seen[1:]] == ["/jobs/ID"] * 3


def test_204_means_that_it_has_ended() -> None:
    with playing(Line(204), said(DONE)) as script:
        assert followed(script.url) == (DONE, [])


def test_streams_that_tell_nothing_are_given_up(waits: list[float]) -> None:
    with playing(*[stream(), said(QUEUED)] * 3, said(HALF), said(DONE)) as script:
        assert followed(script.url)[0] == DONE


def test_a_deleted_job_is_a_failure() -> None:
    with playing(stream(event({"id": "ID"}, "2", "deleted"))) as script, pytest.raises(Failure, match="was deleted"):
        followed(script.url)


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_is_none_of_the_streams(status: int) -> None:
    with playing(problem(status, "no")) as script, pytest.raises(Failure) as caught:
        followed(script.url)
    assert caught.value.status == status


def test_pages_are_read_until_there_are_enough() -> None:
    """The link's own address is another than the one that we use."""
    link = '<https://elsewhere.example.com/jobs?limit=100&after=x%2Fy>; rel="next"'
    first = said({"jobs": [job("done")] * 100}, Link=link)
    with playing(first, said({"jobs": [job("failed")] * 50})) as script:
        assert len(list(jobs.listed(service(script.url), 150, state="done,failed"))) == 150
    assert [seen.target for seen in script.seen] == [
        "/jobs?limit=100&state=done%2Cfailed",
        "/jobs?limit=50&state=done%2Cfailed&after=x%2Fy",
    ]
    with playing(first, said({"jobs": []})) as script:
        assert len(list(jobs.listed(service(script.url), None))) == 100

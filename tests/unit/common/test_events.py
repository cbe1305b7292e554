"""Events: what is said of a job, how it travels, and which messages are none of ours."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import pytest
from cloudevents.conversion import to_binary

from functions.common import errors, events, transitions
from functions.common.errors import Failure
from functions.common.events import CONVERSION_FAILED, MP3_READY, STRUCTURED, VIDEO_UPLOADED, Hint
from tests.e2e import poison
from tests.e2e.poison import Poison

JOB = "376b7472-1f38-4307-b0c5-8df8aa6286ed"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TYPES = {"ready": VIDEO_UPLOADED, "done": MP3_READY, "failed": CONVERSION_FAILED}
KINDS = {each.kind: each for each in poison.kinds(VIDEO_UPLOADED, MP3_READY)}
# An id is in them, so they do no harm here. The connector cannot make a request of them, or its size is refused.
HARMLESS_ONCE_THEY_ARE_HERE = {
    "an attribute that is a list",
    "a name that is none",
    "an attribute of several lines",
    "a long attribute",
    "a time that is none",
    "long data",
}


def job(state: str = "ready", **more: Any) -> dict[str, Any]:
    return {"_id": JOB, "state": state, "owner": "1", "email": "a@example.org", "filename": "a.mp4", **more}


def received(one: Poison) -> Hint:
    """Return what convert takes a message for."""
    headers = {"Content-Type": one.content_type} if one.content_type else {}
    return events.decode(headers | one.headers, one.body, VIDEO_UPLOADED)


def structured(**changes: Any) -> bytes:
    """Return an event in structured mode; what is changed to None is missing."""
    whole = {"specversion": "1.0", "id": "1", "source": "/x", "type": VIDEO_UPLOADED, "data": {"id": JOB}} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


@pytest.mark.parametrize("state", TYPES)
def test_an_event_names_a_job_and_says_nothing_else_of_it(state: str) -> None:
    """Queues and logs of others keep events, so neither an address nor a file's name is in them."""
    said = json.loads(events.encode(events.of(job(state))))
    assert uuid.UUID(said.pop("id"))
    assert datetime.fromisoformat(said.pop("time")).tzinfo
    assert said == {
        "specversion": "1.0",
        "type": TYPES[state],
        "source": "/mp3converter",
        "subject": JOB,
        "datacontenttype": "application/json",
        "data": {"id": JOB},
    }


@pytest.mark.parametrize("state", sorted({row.target for row in transitions.TABLE if row.target} - TYPES.keys()))
def test_nothing_is_said_of_a_job_that_waits_for_no_function(state: str) -> None:
    with pytest.raises(KeyError):
        events.of(job(state))


def test_an_event_sent_again_is_another_event() -> None:
    """CloudEvents asks for it: a receiver may take two of one id for one."""
    assert events.of(job())["id"] != events.of(job())["id"]


@pytest.mark.parametrize(
    ("state", "key"), [("ready", "video.uploaded"), ("done", "mp3.ready"), ("failed", "conversion.failed")]
)
def test_the_key_that_the_broker_routes_by(state: str, key: str) -> None:
    assert events.routing_key(events.of(job(state))) == key


@pytest.mark.parametrize("trace", [TRACE, None])
@pytest.mark.parametrize("state", TYPES)
def test_both_modes_say_the_same(state: str, trace: str | None) -> None:
    event = events.of(job(state, traceparent=trace))
    headers, body = to_binary(event)
    assert events.decode({"Content-Type": STRUCTURED}, events.encode(event), *TYPES.values()) == Hint(JOB, trace)
    assert events.decode(headers, body, *TYPES.values()) == Hint(JOB, trace)


def test_the_names_of_headers_may_be_written_as_servers_do() -> None:
    headers = {
        "Ce-Specversion": "1.0",
        "CE-ID": "1",
        "Ce-Source": "/x",
        "ce-Type": VIDEO_UPLOADED,
        "Ce-Traceparent": TRACE,
        "Content-Type": "application/json",
    }
    assert events.decode(headers, json.dumps({"id": JOB}).encode(), VIDEO_UPLOADED) == Hint(JOB, TRACE)


@pytest.mark.parametrize("content_type", [STRUCTURED, f"{STRUCTURED}; charset=utf-8", "application/CloudEvents+JSON"])
def test_the_media_type_may_have_a_charset(content_type: str) -> None:
    assert events.decode({"Content-Type": content_type}, structured(), VIDEO_UPLOADED).job_id == JOB


@pytest.mark.parametrize("trace", ["no trace", "", TRACE.upper(), f"{TRACE}-more", f"ff{TRACE[2:]}"])
def test_a_trace_that_is_none_does_not_cost_the_event(trace: str) -> None:
    hint = events.decode({"Content-Type": STRUCTURED}, structured(traceparent=trace), VIDEO_UPLOADED)
    assert hint == Hint(JOB, None)


def test_a_function_takes_its_own_types_alone() -> None:
    body = structured(type=MP3_READY)
    assert events.decode({"Content-Type": STRUCTURED}, body, CONVERSION_FAILED, MP3_READY).job_id == JOB
    for types in ((VIDEO_UPLOADED,), (CONVERSION_FAILED,), ()):
        with pytest.raises(Failure) as failure:
            events.decode({"Content-Type": STRUCTURED}, body, *types)
        assert failure.value.kind is errors.MALFORMED_EVENT


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - HARMLESS_ONCE_THEY_ARE_HERE))
def test_poison(kind: str) -> None:
    """What can never be understood is refused for good, by one code."""
    one = KINDS[kind]
    if not one.dead:
        assert received(one).traceparent is None
        return
    with pytest.raises(Failure) as failure:
        received(one)
    assert failure.value.kind is errors.MALFORMED_EVENT


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": []},
        {"specversion": {"$gt": ""}},
        {"specversion": True},
        {"type": [VIDEO_UPLOADED]},
        {"data": None, "data_base64": 7},
        {"data": None, "data_base64": "="},
        {"data": {"id": [JOB]}},
        {"data": {"ID": JOB}},
        {"data": f'{{"id": "{JOB}"}}'},
    ],
    ids=repr,
)
def test_values_of_a_wrong_kind_are_poison(changes: dict[str, Any]) -> None:
    with pytest.raises(Failure) as failure:
        events.decode({"Content-Type": STRUCTURED}, structured(**changes), VIDEO_UPLOADED)
    assert failure.value.kind is errors.MALFORMED_EVENT


@pytest.mark.parametrize("kind", sorted(HARMLESS_ONCE_THEY_ARE_HERE))
def test_an_event_with_odd_attributes_is_a_hint_all_the_same(kind: str) -> None:
    assert received(KINDS[kind]).job_id

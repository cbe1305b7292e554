"""Events: their content, how they are sent, and which messages are invalid."""

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
DEAD = {kind for kind, each in KINDS.items() if each.dead}
# Their size alone is wrong, and `web.small_body` refuses it.
HARMLESS_FOR_FUNCTIONS = {"a long attribute", "long data"}


def job(state: str = "ready", **more: Any) -> dict[str, Any]:
    return {"_id": JOB, "state": state, "owner": "1", "email": "a@example.org", "filename": "a.mp4", **more}


def received(one: Poison) -> Hint:
    """Return what convert reads from a message."""
    headers = {"Content-Type": one.content_type} if one.content_type else {}
    return events.decode(headers | one.headers, one.body, VIDEO_UPLOADED)


def structured(**changes: Any) -> bytes:
    """Return an event in structured mode; an attribute changed to None is missing."""
    whole = {"specversion": "1.0", "id": "1", "source": "/x", "type": VIDEO_UPLOADED, "data": {"id": JOB}} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


@pytest.mark.parametrize("state", TYPES)
def test_an_event_contains_only_the_id_of_a_job(state: str) -> None:
    """Queues and logs of others may keep events, so they contain neither an address nor a file name."""
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
def test_states_without_an_event(state: str) -> None:
    with pytest.raises(KeyError):
        events.of(job(state))


def test_an_event_that_is_sent_again_has_a_new_id() -> None:
    """CloudEvents requires it: a receiver may treat two events with one id as duplicates."""
    assert events.of(job())["id"] != events.of(job())["id"]


@pytest.mark.parametrize(
    ("state", "key"), [("ready", "video.uploaded"), ("done", "mp3.ready"), ("failed", "conversion.failed")]
)
def test_routing_keys(state: str, key: str) -> None:
    assert events.routing_key(events.of(job(state))) == key


@pytest.mark.parametrize("trace", [TRACE, None])
@pytest.mark.parametrize("state", TYPES)
def test_both_modes_are_equivalent(state: str, trace: str | None) -> None:
    event = events.of(job(state, traceparent=trace))
    headers, body = to_binary(event)
    assert events.decode({"Content-Type": STRUCTURED}, events.encode(event), *TYPES.values()) == Hint(JOB, trace)
    assert events.decode(headers, body, *TYPES.values()) == Hint(JOB, trace)


def test_header_names_are_case_insensitive() -> None:
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
def test_an_invalid_trace_is_ignored(trace: str) -> None:
    hint = events.decode({"Content-Type": STRUCTURED}, structured(traceparent=trace), VIDEO_UPLOADED)
    assert hint == Hint(JOB, None)


def test_a_function_accepts_only_its_own_types() -> None:
    body = structured(type=MP3_READY)
    assert events.decode({"Content-Type": STRUCTURED}, body, CONVERSION_FAILED, MP3_READY).job_id == JOB
    for types in ((VIDEO_UPLOADED,), (CONVERSION_FAILED,), ()):
        with pytest.raises(Failure) as failure:
            events.decode({"Content-Type": STRUCTURED}, body, *types)
        assert failure.value.kind is errors.MALFORMED_EVENT


@pytest.mark.attack("E5", "E6", "E7")
@pytest.mark.parametrize("kind", sorted(DEAD - HARMLESS_FOR_FUNCTIONS))
def test_invalid_messages(kind: str) -> None:
    """Messages that can never be processed are rejected with one code."""
    with pytest.raises(Failure) as failure:
        received(KINDS[kind])
    assert failure.value.kind is errors.MALFORMED_EVENT


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - DEAD))
def test_the_event_of_an_unknown_job_is_valid(kind: str) -> None:
    assert received(KINDS[kind]).traceparent is None


@pytest.mark.attack("E5", "E7")
@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": []},
        {"specversion": {"$gt": ""}},
        {"specversion": True},
        {"specversion": "0.3"},
        {"specversion": "1.00"},
        {"id": 1},
        {"id": ""},
        {"id": ["1"]},
        {"source": ""},
        {"source": {"a": 1}},
        {"source": "/x\n"},
        {"subject": 7},
        {"subject": "a\x00b"},
        {"subject": "\ud800"},
        {"datacontenttype": True},
        {"time": 7},
        {"time": "yesterday"},
        {"time": "2026-05-01T00:00:00"},
        {"more": 1.5},
        {"more": {}},
        {"extensions": {"id": 7}},
        {"a-name": "x"},
        {"a_name": "x"},
        {"type": [VIDEO_UPLOADED]},
        {"data": None, "data_base64": 7},
        {"data": None, "data_base64": "="},
        {"data": {"id": [JOB]}},
        {"data": {"ID": JOB}},
        {"data": f'{{"id": "{JOB}"}}'},
    ],
    ids=repr,
)
def test_values_of_the_wrong_type_are_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises(Failure) as failure:
        events.decode({"Content-Type": STRUCTURED}, structured(**changes), VIDEO_UPLOADED)
    assert failure.value.kind is errors.MALFORMED_EVENT


@pytest.mark.parametrize("kind", sorted(HARMLESS_FOR_FUNCTIONS))
def test_a_long_event_is_valid(kind: str) -> None:
    assert received(KINDS[kind]).job_id


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-05-01T00:00:00.123456789Z"},
        {"time": "2026-05-01T00:00:00+05:30"},
        {"number": 1, "truth": True, "text": "ü, €, 😀"},
        {"subject": "ü" * 1000, "dataschema": "https://example.org/a"},
        {"id": "x" * 1000},
    ],
    ids=repr,
)
def test_an_event_with_unusual_attributes_is_valid(changes: dict[str, Any]) -> None:
    assert events.decode({"Content-Type": STRUCTURED}, structured(**changes), VIDEO_UPLOADED).job_id == JOB


@pytest.mark.attack("E5")
@pytest.mark.parametrize("left_out", ["id", "source", "type", "specversion"])
def test_a_required_attribute_is_missing(left_out: str) -> None:
    """In either mode, and half of an event in headers is none."""
    headers, body = to_binary(events.of(job()))
    bare = {name: value for name, value in headers.items() if name != f"ce-{left_out}"}
    for given, content in ((bare, body), ({"Content-Type": STRUCTURED}, structured(**{left_out: None}))):
        with pytest.raises(Failure) as failure:
            events.decode(given, content, VIDEO_UPLOADED)
        assert failure.value.kind is errors.MALFORMED_EVENT


@pytest.mark.attack("E5")
@pytest.mark.parametrize("content_type", [STRUCTURED, poison.BATCH, "application/cloudevents"])
def test_an_event_in_both_modes_is_invalid(content_type: str) -> None:
    headers, _ = to_binary(events.of(job()))
    for body in (structured(), b"[" + structured() + b"]", json.dumps({"id": JOB}).encode()):
        with pytest.raises(Failure) as failure:
            events.decode(headers | {"content-type": content_type}, body, VIDEO_UPLOADED)
        assert failure.value.kind is errors.MALFORMED_EVENT

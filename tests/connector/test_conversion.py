"""How a message becomes an HTTP request: the table of RabbitmqSource, through the real connector."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from cloudevents.http import from_http

from tests.connector.line import BINARY, Line, structured
from tests.connector.queues import STRUCTURED
from tests.connector.sink import Call


def attributes(call: Call) -> dict[str, str]:
    return {name.removeprefix("ce-"): value for name, value in call.headers.items() if name.startswith("ce-")}


@pytest.mark.parametrize("content_type", [STRUCTURED, f"{STRUCTURED}; charset=utf-8", "Application/CloudEvents+JSON"])
def test_a_structured_event_is_sent_in_binary_mode(line: Line, content_type: str) -> None:
    call = line.call(
        structured(
            datacontenttype="application/json", subject="s", time="2024-05-06T07:08:09Z", traceparent="00-1-2-03"
        ),
        content_type=content_type,
    )
    assert attributes(call) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/here",
        "type": "com.example.made",
        "subject": "s",
        "time": "2024-05-06T07:08:09Z",
        "traceparent": "00-1-2-03",
    }
    assert call.headers["content-type"] == "application/json"
    assert json.loads(call.body) == {"id": "a"}


def test_a_function_reads_the_published_event(line: Line) -> None:
    call = line.call(structured(datacontenttype="application/json"), content_type=STRUCTURED)
    event = from_http(call.headers, call.body)
    assert (event["id"], event["type"], event.data) == ("1", "com.example.made", {"id": "a"})


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"data": None, "data_base64": "AAH/"}, b"\x00\x01\xff"),
        ({"data": "plain", "datacontenttype": "text/plain"}, b"plain"),
        ({"data": "text", "datacontenttype": "application/x+json"}, b'"text"'),
        ({"data": "ü"}, '"ü"'.encode()),
    ],
)
def test_structured_data_keeps_its_bytes(line: Line, changes: dict[str, Any], body: bytes) -> None:
    assert line.call(structured(**changes), content_type=STRUCTURED).body == body


def test_other_values_become_text(line: Line) -> None:
    call = line.call(structured(yes=True, number=7, Upper="Kept"), content_type=STRUCTURED)
    assert [call.headers[f"ce-{name}"] for name in ("yes", "number", "upper")] == ["true", "7", "Kept"]


@pytest.mark.parametrize("prefix", ["ce-", "", "CE-"])
def test_headers_with_and_without_prefix_are_a_binary_event(line: Line, prefix: str) -> None:
    headers = {f"{prefix}{name}": value for name, value in BINARY.items()} | {"Extra": True, "x-delay": 5}
    call = line.call(b"\x00raw", headers=headers, content_type="application/json")
    assert attributes(call) | {"time": ""} == BINARY | {"extra": "true", "time": ""}
    assert call.body == b"\x00raw"


def test_the_content_type_of_a_binary_event_is_in_its_headers(line: Line) -> None:
    without = line.call(b"{}", headers=BINARY, content_type="application/json")
    assert "content-type" not in without.headers
    for name in ("content-type", "ce-datacontenttype"):
        call = line.call(b"{}", headers=BINARY | {name: "text/x"}, content_type="application/json")
        assert call.headers["content-type"] == "text/x"


def test_trace_headers_are_passed_on(line: Line) -> None:
    call = line.call(b"", headers=BINARY | {"traceparent": "00-1-2-03", "tracestate": "a=b"})
    assert (call.headers["traceparent"], call.headers["tracestate"]) == ("00-1-2-03", "a=b")
    assert "ce-traceparent" not in call.headers


def test_a_binary_event_without_source_and_id_gets_both(line: Line) -> None:
    headers = {"specversion": "1.0", "type": "com.example.made"}
    call = line.call(b"", headers=headers)
    assert call.headers["ce-source"] == f"/apis/v1/namespaces/default/rabbitmqsources/{line.name}#{line.name}"
    assert uuid.UUID(call.headers["ce-id"])
    assert call.headers["ce-time"]


def test_the_old_version_of_the_specification_is_supported(line: Line) -> None:
    assert line.call(b"", headers=BINARY | {"specversion": "0.3"}).headers["ce-specversion"] == "0.3"


@pytest.mark.parametrize("headers", [None, {"ce-specversion": "2.0"}, {"cloudEvents:specversion": "1.0", "a_b": "c"}])
def test_any_other_message_is_wrapped(line: Line, headers: dict[str, str] | None) -> None:
    call = line.call(b"body", headers=headers, content_type="text/csv", message_id="m-1", timestamp=1_700_000_000)
    source = f"/apis/v1/namespaces/default/rabbitmqsources/{line.name}#{line.name}"
    assert attributes(call) == {
        "specversion": "1.0",
        "id": "m-1",
        "source": source,
        "type": "dev.knative.rabbitmq.event",
        "subject": "m-1",
        "time": "2023-11-14T22:13:20Z",
    }
    assert (call.headers["content-type"], call.body) == ("text/csv", b"body")


def test_a_wrapped_message_without_an_id_gets_one(line: Line) -> None:
    call = line.call(b"body")
    assert uuid.UUID(call.headers["ce-id"])
    assert call.headers["ce-subject"] == call.headers["ce-id"]
    assert call.headers["ce-time"] == "0001-01-01T00:00:00Z"
    assert "content-type" not in call.headers

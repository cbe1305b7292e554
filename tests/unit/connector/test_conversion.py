"""How a message becomes a request: RabbitmqSource's rules in detail, and which messages are rejected.

`tests/connector/test_conversion.py` tests the same rules with messages of a real broker.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from pika import BasicProperties
from requests import PreparedRequest

from functions.common import events
from functions.connector.conversion import ConversionError, to_request

URL = "http://convert.test/"
STRUCTURED = "application/cloudevents+json"
EVENT = {"specversion": "1.0", "id": "1", "source": "/here", "type": "com.example.made"}
SOURCE = "/apis/v1/namespaces/default/rabbitmqsources/q#q"
DROP: Any = object()


def structured(**changes: Any) -> PreparedRequest:
    """Return the request for an event in JSON; DROP omits an attribute."""
    document = {name: value for name, value in (EVENT | changes).items() if value is not DROP}
    return sent(json.dumps(document).encode(), content_type=STRUCTURED)


def binary(**headers: Any) -> PreparedRequest:
    """Return the request for an event in headers."""
    return sent(b"raw", headers=EVENT | headers)


def sent(body: bytes, **properties: Any) -> PreparedRequest:
    return to_request(URL, "q", BasicProperties(**properties), body)


def header(request: PreparedRequest, name: str) -> str | None:
    """Return a header of a request; header values are bytes."""
    value: Any = request.headers.get(name)
    return None if value is None else bytes(value).decode()


def attributes(request: PreparedRequest) -> dict[str, str | None]:
    names = [str(name) for name in request.headers if str(name).startswith("ce-")]
    return {name.removeprefix("ce-"): header(request, name) for name in names}


def test_a_call_posts_the_data_to_the_sink() -> None:
    request = structured(data={"id": "a"}, datacontenttype="application/json")
    assert (request.method, request.url, request.body) == ("POST", URL, b'{"id":"a"}')
    assert request.headers["Content-Length"] == "10"


def test_a_function_understands_what_another_published() -> None:
    job = {"_id": str(uuid.uuid4()), "state": "done", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    request = sent(events.encode(events.of(job)), content_type=events.STRUCTURED)
    received = {str(name): str(header(request, str(name))) for name in request.headers if name != "Content-Length"}
    body: Any = request.body
    assert events.decode(received, body, events.MP3_READY) == events.Hint(job["_id"], job["traceparent"])


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, b""),
        ({"data": None}, b"null"),
        ({"data": ""}, b'""'),
        ({"data": {"b": [1, 2.5, None, True], "a": "ü"}}, '{"b":[1,2.5,null,true],"a":"ü"}'.encode()),
        ({"data": {}, "datacontenttype": "Application/JSON; charset=utf-8"}, b"{}"),
        ({"data": "x", "datacontenttype": "text/json"}, b'"x"'),
        ({"data": "x", "datacontenttype": "image/svg+json"}, b'"x"'),
        ({"data": "x", "datacontenttype": ""}, b'"x"'),
        ({"data": "<x/>", "datacontenttype": "text/xml"}, b"<x/>"),
        ({"data": "1\n2", "datacontenttype": "application/x-json-lines"}, b"1\n2"),
        ({"data_base64": "AAH/"}, b"\x00\x01\xff"),
        ({"data_base64": "", "data": "ignored"}, b""),
        ({"specversion": "0.3", "datacontentencoding": "base64", "data": "AAH/"}, b"\x00\x01\xff"),
        ({"specversion": "0.3", "datacontentencoding": "base64"}, b""),
    ],
)
def test_data_becomes_the_body(changes: dict[str, Any], body: bytes) -> None:
    request = structured(**changes)
    assert (request.body or b"") == body
    assert "ce-datacontentencoding" not in request.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"a": 1}, "datacontenttype": "text/plain"},
        {"data": 7, "datacontenttype": "text/plain"},
        {"data": None, "datacontenttype": "application/xml"},
        {"data": float("nan")},
        {"data": "\ud800"},
        {"data_base64": "AAH"},
        {"data_base64": "AA H/"},
        {"data_base64": "ü"},
        {"data_base64": 7},
        {"datacontentencoding": "base64", "data": {"a": 1}},
        {"datacontentencoding": "base64", "data": "*"},
    ],
)
def test_unsupported_data_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConversionError):
        structured(**changes)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b'"event"',
        b"{}",
        b"[" * 100_000,
        b'{"specversion":1.0,"id":"1","source":"/here","type":"t"}',
        b'{"specversion":"1.1","id":"1","source":"/here","type":"t"}',
    ],
    ids=lambda body: body[:30],
)
def test_invalid_json_events_are_refused(body: bytes) -> None:
    with pytest.raises(ConversionError):
        sent(body, content_type=STRUCTURED)


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents-batch+json", "APPLICATION/cloudevents-BATCH+json ; x"]
)
def test_a_batch_is_refused(content_type: str) -> None:
    with pytest.raises(ConversionError, match="batch"):
        sent(b"[]", content_type=content_type)


@pytest.mark.parametrize("missing", ["source", "type"])
@pytest.mark.parametrize("absent", [DROP, "", None])
def test_an_event_without_type_or_source_is_refused(missing: str, absent: Any) -> None:
    with pytest.raises(ConversionError):
        structured(**{missing: absent})


def test_missing_optional_attributes_are_supplied() -> None:
    request = structured(id=None)
    assert uuid.UUID(str(header(request, "ce-id")))
    assert header(request, "ce-time")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (" two  words\t", "two  words"),
        ("Grüße 日本", "Grüße 日本"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (1.5, "1.5"),
    ],
)
def test_values_become_text(value: Any, text: str) -> None:
    assert header(structured(subject=value), "ce-subject") == text
    assert header(binary(subject=value), "ce-subject") == text


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_value_is_left_out(value: Any) -> None:
    assert "ce-subject" not in structured(subject=value).headers


@pytest.mark.parametrize("value", [[], {}, [1], {"a": 1}])
def test_a_value_with_parts_is_refused(value: Any) -> None:
    with pytest.raises(ConversionError, match="not text"):
        structured(extension=value)


@pytest.mark.parametrize("value", ["a\nb", "a\r\nHost: other", "\x00a", "a\x7fb", "a\x1bb"])
def test_control_characters_are_refused(value: str) -> None:
    """They could start another header."""
    for convert in (structured, binary):
        with pytest.raises(ConversionError, match="control"):
            convert(subject=value)


def test_bytes_that_are_not_text_are_refused() -> None:
    assert header(binary(subject=b"text"), "ce-subject") == "text"
    with pytest.raises(ConversionError):
        binary(subject=b"\xff")


@pytest.mark.parametrize("name", ["my-name", "my_name", "my.name", "ünï", "", "data", "extensions"])
def test_invalid_attribute_names_are_refused(name: str) -> None:
    with pytest.raises(ConversionError, match="invalid attribute name"):
        binary(**{name: "x"})


def test_names_are_case_insensitive() -> None:
    assert header(structured(MyName="x"), "ce-myname") == "x"
    assert header(binary(**{"CE-MyName": "x"}), "ce-myname") == "x"


@pytest.mark.parametrize("moment", ["2024-05-06T07:08:09", "2024-05-06", "soon", "2024-13-06T07:08:09Z"])
def test_an_invalid_time_is_refused(moment: str) -> None:
    with pytest.raises(ConversionError):
        structured(time=moment)


@pytest.mark.parametrize("moment", ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09.123456+02:00"])
def test_a_valid_time_is_unchanged(moment: str) -> None:
    assert header(structured(time=moment), "ce-time") == moment


def test_headers_of_the_broker_are_not_attributes() -> None:
    request = binary(**{"x-death": [{"count": 1}], "X-Delay": 5, "ce-x-other": "x"})
    assert attributes(request).keys() == {"specversion", "id", "source", "type", "time"}


def test_the_trace_in_both_modes() -> None:
    request = binary(traceparent="00-1-2-03", tracestate="a=b")
    assert (header(request, "traceparent"), header(request, "tracestate")) == ("00-1-2-03", "a=b")
    assert "ce-traceparent" not in request.headers
    within = structured(traceparent="00-1-2-03")
    assert (header(within, "ce-traceparent"), "traceparent" in within.headers) == ("00-1-2-03", False)


def test_a_trace_header_cannot_end_a_line() -> None:
    with pytest.raises(ConversionError, match="control"):
        binary(tracestate="a=b\r\nHost: other")


def test_a_structured_event_ignores_headers_except_the_trace() -> None:
    document = json.dumps(EVENT).encode()
    request = sent(document, content_type=STRUCTURED, headers={"ce-id": "9", "my-name": "x", "tracestate": "a=b"})
    assert attributes(request) | {"time": ""} == EVENT | {"time": ""}
    assert header(request, "tracestate") == "a=b"


def test_the_source_of_a_binary_event_defaults_to_its_queue() -> None:
    assert header(binary(), "ce-source") == "/here"
    assert header(sent(b"", headers={"specversion": "1.0", "type": "t"}), "ce-source") == SOURCE
    with pytest.raises(ConversionError):
        sent(b"", headers={"specversion": "1.0"})


def test_the_content_type_of_a_binary_event_may_be_in_its_headers() -> None:
    for name in ("content-type", "ce-datacontenttype", "Content-Type"):
        assert header(binary(**{name: "text/x"}), "content-type") == "text/x"
    assert header(sent(b"", headers=EVENT, content_type="text/x"), "content-type") is None


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        (None, "0001-01-01T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ],
)
def test_any_other_message_is_wrapped(stamp: int | None, moment: str) -> None:
    request = sent(b"\x00body", message_id="m-1", timestamp=stamp, content_type="text/csv", headers={"a_b": "c"})
    assert attributes(request) == {
        "specversion": "1.0",
        "id": "m-1",
        "source": SOURCE,
        "type": "dev.knative.rabbitmq.event",
        "subject": "m-1",
        "time": moment,
    }
    assert (header(request, "content-type"), request.body) == ("text/csv", b"\x00body")


@pytest.mark.parametrize("properties", [{"timestamp": 2**62}, {"timestamp": 253_402_300_800}, {"message_id": "a\nb"}])
def test_absurd_properties_are_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(ConversionError):
        sent(b"", **properties)


@pytest.mark.parametrize("version", ["2.0", "1", "", 1.0, None])
def test_a_message_of_another_version_is_not_an_event(version: Any) -> None:
    assert header(binary(specversion=version), "ce-type") == "dev.knative.rabbitmq.event"


def test_wrapped_messages_without_an_id_get_different_ids() -> None:
    ids = {header(sent(b"same"), "ce-id") for _ in range(3)}
    assert len(ids) == 3
    assert all(uuid.UUID(str(each)) for each in ids)

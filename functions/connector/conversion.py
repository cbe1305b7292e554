"""Convert an AMQP message to a CloudEvent over HTTP, as Knative's RabbitmqSource does."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests
from cloudevents.conversion import to_binary
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent
from pika import BasicProperties

from functions.common import nesting

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
VERSIONS = ("1.0", "0.3")
WRAPPED_TYPE = "dev.knative.rabbitmq.event"
TRACE_HEADERS = ("traceparent", "tracestate")

_NAME = re.compile(r"[a-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# The SDK stores these two next to the attributes, so an extension of that name would replace them.
_RESERVED = frozenset({"data", "extensions"})


class ConversionError(Exception):
    """The message cannot be converted to a CloudEvent."""


def to_request(url: str, queue: str, properties: BasicProperties, body: bytes) -> requests.PreparedRequest:
    """Return the HTTP request for a message, in binary mode."""
    try:
        headers, data = to_binary(to_event(queue, properties, body), data_marshaller=lambda value: value)
        trace = {name: value for name, value in (properties.headers or {}).items() if name in TRACE_HEADERS}
        encoded = {name: _header(value) for name, value in (headers | trace).items()}
        return requests.Request("POST", url, headers=encoded, data=data).prepare()
    except (GenericException, ValueError, TypeError, OverflowError, OSError) as error:
        raise ConversionError(str(error)) from error


def to_event(queue: str, properties: BasicProperties, body: bytes) -> CloudEvent:
    """Return the event in a message, or an event that wraps a message without one."""
    media_type = _media_type(properties.content_type)
    if media_type == BATCH:
        raise ConversionError("a batch of events is not supported")
    if media_type == STRUCTURED:
        return _structured(body)
    attributes = _attributes(properties.headers or {})
    if attributes.get("specversion") in VERSIONS:
        return _event({"source": _source(queue)} | attributes, body)
    return _wrapped(queue, properties, body)


def _structured(body: bytes) -> CloudEvent:
    nesting.check(body)
    document = json.loads(body)
    if not isinstance(document, dict) or document.get("specversion") not in VERSIONS:
        raise ConversionError("the body is not a CloudEvent in JSON")
    data = _data(document)
    # Only version 0.3 has datacontentencoding, and the data is decoded by now.
    attributes = {
        name: value for name, value in document.items() if name not in ("data", "data_base64", "datacontentencoding")
    }
    if any(isinstance(value, (dict, list)) for value in attributes.values()):
        raise ConversionError("an attribute is not text, a number or a boolean")
    return _event(attributes, data)


def _data(document: Mapping[str, Any]) -> bytes:
    if "data_base64" in document:
        return base64.b64decode(document["data_base64"], validate=True)
    if document.get("datacontentencoding") == "base64":
        return base64.b64decode(document.get("data", ""), validate=True)
    if "data" not in document:
        return b""
    data = document["data"]
    media_type = _media_type(document.get("datacontenttype"))
    if media_type in ("", "application/json", "text/json") or media_type.endswith("+json"):
        return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    if not isinstance(data, str):
        raise ConversionError("data that is not JSON must be text")
    return data.encode()


def _attributes(headers: Mapping[str, Any]) -> dict[str, Any]:
    named = {name.lower().removeprefix("ce-"): value for name, value in headers.items() if name not in TRACE_HEADERS}
    attributes = {name: value for name, value in named.items() if not name.startswith("x-")}
    if "content-type" in attributes:
        attributes["datacontenttype"] = attributes.pop("content-type")
    return attributes


def _wrapped(queue: str, properties: BasicProperties, body: bytes) -> CloudEvent:
    identity = properties.message_id or str(uuid.uuid4())
    moment = datetime.min if properties.timestamp is None else datetime.fromtimestamp(properties.timestamp, UTC)
    attributes = {
        "id": identity,
        "type": WRAPPED_TYPE,
        "source": _source(queue),
        "subject": identity,
        "time": moment.replace(tzinfo=None).isoformat() + "Z",
        "datacontenttype": properties.content_type,
    }
    return _event(attributes, body)


def _event(attributes: Mapping[str, Any], data: bytes) -> CloudEvent:
    present = {name.lower(): _text(value) for name, value in attributes.items() if value not in (None, "")}
    if wrong := [name for name in present if not _NAME.fullmatch(name) or name in _RESERVED]:
        raise ConversionError(f"invalid attribute name: {wrong[0]!r}")
    if "time" in present and datetime.fromisoformat(present["time"]).tzinfo is None:
        raise ConversionError("the time has no time zone")
    # The constructor fills in specversion, id and time, and refuses an event without type or source.
    return CloudEvent(present, data)


def _source(queue: str) -> str:
    return f"/apis/v1/namespaces/default/rabbitmqsources/{queue}#{queue}"


def _media_type(content_type: Any) -> str:
    return str(content_type or "").partition(";")[0].strip().lower()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.decode() if isinstance(value, bytes) else str(value)


def _header(value: Any) -> bytes:
    text = _text(value).strip()
    if _CONTROL.search(text):
        raise ConversionError("an attribute contains control characters")
    # Bytes, because requests would refuse or change text that is not Latin-1.
    return text.encode()

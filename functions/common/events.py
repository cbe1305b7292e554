"""Events: the CloudEvents between functions, hints that carry only a job's id and trace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloudevents.conversion import to_json
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http
from cloudevents.sdk.converters import is_binary

from functions.common import ids, nesting, trace, transitions
from functions.common.errors import MALFORMED_EVENT, Failure

VIDEO_UPLOADED = "com.mp3converter.video.uploaded"
MP3_READY = "com.mp3converter.mp3.ready"
CONVERSION_FAILED = "com.mp3converter.conversion.failed"

STRUCTURED = "application/cloudevents+json"  # CloudEvents JSON format 1.0.2, section 3
_NAME = re.compile(r"[a-z0-9]+")  # CloudEvents 1.0.2, section 3.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # section 3.4, String
_TEXTS = {"id", "source", "type", "specversion", "datacontenttype", "dataschema", "subject", "time"}
_OF_STATE = {transitions.READY: VIDEO_UPLOADED, transitions.DONE: MP3_READY, transitions.FAILED: CONVERSION_FAILED}


@dataclass(frozen=True)
class Hint:
    """The content of an event: the job to look at, and its trace."""

    job_id: str
    traceparent: str | None


def of(job: Mapping[str, Any]) -> CloudEvent:
    """Return the event for a job's state."""
    attributes = {
        "type": _OF_STATE[job["state"]],
        "source": "/mp3converter",
        "subject": job["_id"],
        "datacontenttype": "application/json",
    }
    if job.get("traceparent"):
        attributes["traceparent"] = job["traceparent"]
    return CloudEvent(attributes, {"id": job["_id"]})


def routing_key(event: CloudEvent) -> str:
    """Return an event's routing key: its type without the prefix."""
    return str(event["type"]).removeprefix("com.mp3converter.")


def encode(event: CloudEvent) -> bytes:
    """Return an event in structured mode, which RabbitmqSource and the connector both read."""
    return to_json(event)


def decode(headers: Mapping[str, str], body: bytes, *types: str) -> Hint:
    """Return the content of an event of one of these types, in binary or structured mode.

    Raises Failure(MALFORMED_EVENT) for anything else, which must not be retried.
    """
    try:
        nesting.check(body)
        event = _event(headers, body)
    except (GenericException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Failure(MALFORMED_EVENT) from error
    data = event.data
    if event["type"] not in types or not isinstance(data, dict) or not ids.is_id(data.get("id")):
        raise Failure(MALFORMED_EVENT)
    return Hint(data["id"], trace.parse(event.get("traceparent")))


def _event(headers: Mapping[str, str], body: bytes) -> CloudEvent:
    """Return the event in a request. Raises ValueError, or what the SDK raises, for what breaks the specification."""
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if is_binary(headers) and content_type.lower().startswith("application/cloudevents"):
        raise ValueError("both in binary and in structured mode")
    event = from_http(headers, body)
    # The SDK checks neither types nor names, and reads version 0.3, too.
    if event["specversion"] != "1.0":
        raise ValueError("of another version")
    for name, value in event.get_attributes().items():
        if not _NAME.fullmatch(name) or not _is_valid(name, value):
            raise ValueError(f"the attribute {name} is not valid")
    return event


def _is_valid(name: str, value: object) -> bool:
    if name in _TEXTS and not (isinstance(value, str) and value):
        return False
    if name == "time":
        return datetime.fromisoformat(str(value)).tzinfo is not None
    return isinstance(value, bool | int) or (isinstance(value, str) and not _CONTROL.search(value))

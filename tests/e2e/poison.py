"""Messages that no function sent: what a queue can hold when others can write to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
DEEP = 100_000
LONG = 100_000

Content = tuple[str | None, bytes]


@dataclass(frozen=True)
class Poison:
    """One message; it must become a dead letter unless it is harmless."""

    kind: str
    content_type: str | None
    body: bytes
    headers: dict[str, Any] = field(default_factory=dict)
    dead: bool = True


def kinds(right: str, wrong: str) -> Iterator[Poison]:
    """Yield a message of every kind for the queue whose events are of the right type."""
    for kind, (content_type, body) in _no_events().items():
        yield Poison(kind, content_type, body)
    for kind, changes in _wrong_events(wrong).items():
        yield Poison(kind, STRUCTURED, _event(right, **changes))
    yield Poison("a batch", BATCH, b"[" + _event(right) + b"]")
    yield Poison("deep data", STRUCTURED, _event(right, data="X").replace(b'"X"', b"[" * DEEP + b"]" * DEEP))
    yield Poison("a number that is none", STRUCTURED, _event(right, data="X").replace(b'"X"', b'{"id": NaN}'))
    unknown = _attributes(right)
    yield Poison("an unknown job", STRUCTURED, _event(right), dead=False)
    yield Poison(
        "an unknown job in binary mode",
        "application/json",
        json.dumps(unknown["data"]).encode(),
        {f"ce-{name}": value for name, value in unknown.items() if name != "data"},
        dead=False,
    )


def _no_events() -> dict[str, Content]:
    return {
        "nothing": (None, b""),
        "nothing, called an event": (STRUCTURED, b""),
        "text": ("text/plain", b"hello"),
        "a picture": ("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        "half of JSON": (STRUCTURED, b'{"specversion": "1.0", "id": "1'),
        "a list": (STRUCTURED, b"[]"),
        "null": (STRUCTURED, b"null"),
        "no attributes": (STRUCTURED, b"{}"),
        "JSON of another kind": ("application/json", b'{"video": "a.mp4"}'),
        "no UTF-8": (STRUCTURED, b"\xff\xfe\x00"),
        "deep JSON": (STRUCTURED, b"[" * DEEP),
    }


def _wrong_events(wrong: str) -> dict[str, dict[str, Any]]:
    capitals = str(uuid.uuid4()).upper()
    return {
        "version 0.3": {"specversion": "0.3"},
        "version 2.0": {"specversion": "2.0"},
        "a version that is a number": {"specversion": 1.0},
        "no version": {"specversion": None},
        "no type": {"type": None},
        "a strange type": {"type": "com.example.made"},
        "the other queue's type": {"type": wrong},
        "no source": {"source": None},
        "an attribute that is a list": {"subject": ["a"]},
        "an invalid name": {"Not-A-Name": "x"},
        "an attribute of several lines": {"subject": "a\r\nce-id: b"},
        "a long attribute": {"subject": "x" * LONG},
        "an invalid time": {"time": "yesterday"},
        "no data": {"data": None},
        "text for data": {"data": str(uuid.uuid4())},
        "a list for data": {"data": [str(uuid.uuid4())]},
        "long data": {"data": {"id": str(uuid.uuid4()), "more": "x" * LONG}},
        "no id": {"data": {}},
        "an id that is none": {"data": {"id": "no-id"}},
        "a number for an id": {"data": {"id": 7}},
        "a query for an id": {"data": {"id": {"$gt": ""}}},
        "an id in capitals": {"data": {"id": capitals}},
        "an id and more": {"data": {"id": f"{uuid.uuid4()}\n"}},
        "another encoding": {"datacontenttype": "application/xml", "data": "<id/>"},
    }


def _event(kind: str, **changes: Any) -> bytes:
    """Return an event in JSON; what is changed to None is missing."""
    document = _attributes(kind) | changes
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def _attributes(kind: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/mp3converter",
        "type": kind,
        "datacontenttype": "application/json",
        "data": {"id": str(uuid.uuid4())},
    }

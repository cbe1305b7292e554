"""Messages that cannot become CloudEvents: they go to the dead-letter queue unchanged, and to no function."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pika import BasicProperties

from tests.clients.waiting import until
from tests.connector.line import BINARY, Line, structured
from tests.connector.queues import STRUCTURED

Case = tuple[bytes, dict[str, Any]]
BROKEN: dict[str, Callable[[], Case]] = {
    "an extension with a dash": lambda: (b"", {"headers": BINARY | {"my-name": "x"}}),
    "an extension with an underscore": lambda: (structured(my_name="x"), {"content_type": STRUCTURED}),
    "an extension named data": lambda: (b"", {"headers": BINARY | {"data": "x"}}),
    "an extension that is a list": lambda: (structured(many=[1]), {"content_type": STRUCTURED}),
    "a line break in an attribute": lambda: (structured(subject="a\nb"), {"content_type": STRUCTURED}),
    "an invalid time": lambda: (structured(time="soon"), {"content_type": STRUCTURED}),
    "no type": lambda: (b"", {"headers": {"specversion": "1.0", "id": "1"}}),
    "no source": lambda: (structured(source=""), {"content_type": STRUCTURED}),
    "no JSON": lambda: (b"{", {"content_type": STRUCTURED}),
    "deep JSON": lambda: (b"[" * 100_000, {"content_type": STRUCTURED}),
    "JSON that is no object": lambda: (b"[]", {"content_type": STRUCTURED}),
    "an unknown version": lambda: (structured(specversion="9"), {"content_type": STRUCTURED}),
    "data that is neither JSON nor text": lambda: (
        structured(datacontenttype="text/plain"),
        {"content_type": STRUCTURED},
    ),
    "broken base64": lambda: (structured(data_base64="?"), {"content_type": STRUCTURED}),
    "a batch": lambda: (b"[]", {"content_type": "application/cloudevents-batch+json"}),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_an_invalid_message_is_dead_lettered_at_once(line: Line, case: Callable[[], Case]) -> None:
    body, properties = case()
    letter, kept = line.dead(body, message_id="m-1", delivery_mode=2, **properties)
    assert kept == body
    assert (letter.message_id, letter.content_type) == ("m-1", properties.get("content_type"))
    assert (properties.get("headers") or {}).items() <= letter.headers.items()


def test_headers_that_pika_cannot_read_do_no_harm(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks; the message is delivered again on the next one, up to the delivery limit."""
    before = len(line.sink.calls)
    properties = BasicProperties(headers={"when": datetime.now(UTC)})
    with monkeypatch.context() as patch:
        patch.setattr(calendar, "timegm", lambda _: 2**62)
        line.queues.publish(line.name, properties, b"")
    until(lambda: line.queues.ready(f"{line.name}.dead"), "the dead letter")
    assert len(line.sink.calls) == before
    line.queues.empty(f"{line.name}.dead")
    assert line.call(structured(), content_type=STRUCTURED).headers["ce-id"] == "1"


def test_the_next_message_is_delivered_after_all_of_these(line: Line) -> None:
    assert line.call(structured(), content_type=STRUCTURED).headers["ce-id"] == "1"

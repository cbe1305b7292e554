"""A queue with a connector and a sink at its end, and messages to send down it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pika import BasicProperties

from tests.clients.waiting import until
from tests.connector.queues import Message, Queues
from tests.connector.sink import Call, Sink

EVENT = {"specversion": "1.0", "id": "1", "source": "/here", "type": "com.example.made", "data": {"id": "a"}}
BINARY = {"specversion": "1.0", "id": "1", "source": "/here", "type": "com.example.made"}


@dataclass
class Line:
    """A queue with a connector at its end."""

    name: str
    queues: Queues
    sink: Sink

    def call(self, body: bytes, **properties: Any) -> Call:
        """Send a message and return the call that it became."""
        before = len(self.sink.calls)
        self.queues.publish(self.name, BasicProperties(**properties), body)
        return until(lambda: self.sink.calls[before:], "the call")[0]

    def dead(self, body: bytes, **properties: Any) -> Message:
        """Send a message and return the dead letter that it became, without a call."""
        before = len(self.sink.calls)
        self.queues.publish(self.name, BasicProperties(**properties), body)
        letter = until(lambda: self.queues.take(f"{self.name}.dead"), "the dead letter")
        assert len(self.sink.calls) == before
        return letter


def structured(**changes: Any) -> bytes:
    """Return an event in JSON."""
    return json.dumps(EVENT | changes).encode()

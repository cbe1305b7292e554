"""The threads that make a queue's calls; they never use its channel, which is not thread-safe."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel

from functions.common import trace
from functions.connector.calls import Caller
from functions.connector.conversion import ConversionError, to_request
from functions.connector.delivery import Backoff, Verdict, deliver
from functions.connector.settings import Queue

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """A message that is not settled; `cancelled` is set when it need not be delivered any more."""

    channel: BlockingChannel
    cancelled: threading.Event
    tag: int
    properties: BasicProperties
    body: bytes


class Workers:
    """A thread for each concurrent call: they take from `waiting` and put into `finished`."""

    def __init__(self, queue: Queue, backoff: Backoff, caller: Caller, wake: Callable[[], None]) -> None:
        self.queue = queue
        self.waiting: SimpleQueue[Delivery] = SimpleQueue()
        self.finished: SimpleQueue[tuple[Delivery, Verdict]] = SimpleQueue()
        self._backoff = backoff
        self._caller = caller
        self._wake = wake

    def start(self) -> None:
        """Start the threads; they end with the process."""
        for _ in range(self.queue.parallelism):
            threading.Thread(target=self._work, daemon=True, name=self.queue.name).start()

    def _work(self) -> None:
        while True:
            delivery = self.waiting.get()
            verdict = Verdict.DEAD
            try:
                verdict = self._deliver(delivery)
            except Exception:
                log.exception("unexpected error: the message is dead-lettered", extra={"queue": self.queue.name})
            self.finished.put((delivery, verdict))
            self._wake()

    def _deliver(self, delivery: Delivery) -> Verdict:
        about = {"queue": self.queue.name, "message_id": delivery.properties.message_id or ""}
        try:
            request = to_request(self.queue.url, self.queue.name, delivery.properties, delivery.body)
        except ConversionError as error:
            log.error("not a CloudEvent: the message is dead-lettered", extra=about | {"reason": str(error)})
            return Verdict.DEAD
        about |= {name: _attribute(request, name) for name in ("type", "subject")}
        about |= trace.fields(trace.parse(_attribute(request, "traceparent")) or "")
        return deliver(
            request, self._backoff, self._caller, pause=lambda wait: not delivery.cancelled.wait(wait), about=about
        )


def _attribute(request: Any, name: str) -> str:
    return bytes(request.headers.get(f"ce-{name}", b"")).decode()

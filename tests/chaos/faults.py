"""The faults: how each kind in the schedule is applied to a running system, and undone."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing
from typing import TYPE_CHECKING

import pika
from pika.exceptions import AMQPError

from tests.chaos.clients import Clients
from tests.chaos.schedule import Fault
from tests.clients import web
from tests.clients.events import UPLOADED

if TYPE_CHECKING:
    from tests.chaos.system import ProxiedSystem

READY = "com.mp3converter.mp3.ready"
FAILED = "com.mp3converter.conversion.failed"
CONSUMERS = {"convert": UPLOADED, "notify": READY}
STRUCTURED = "application/cloudevents+json"
EXCHANGE = "mp3converter"

DELAY_SECONDS = 1.0
BYTES_PER_SECOND = 150_000
AT_ONCE = 4
REPEATS = 3
BROKER_SECONDS = 5.0


class Faults:
    """Applies the schedule's faults; slow ones run in the pool, and requests go through the clients."""

    def __init__(self, system: ProxiedSystem, clients: Clients, pool: Executor) -> None:
        self._system = system
        self._clients = clients
        self._pool = pool
        self._bearer = web.bearer(system.stack.event_token)
        self._stopped: dict[Fault, int] = {}
        self._do: dict[str, Callable[[Fault], None]] = {
            "kill": self._kill,
            "stop": self._stop,
            "cut": lambda fault: system.proxies[fault.target].cut(),
            "reset": lambda fault: system.proxies[fault.target].reset(),
            "refuse": lambda fault: system.proxies[fault.target].refuse(),
            "black_hole": lambda fault: system.proxies[fault.target].black_hole(),
            "delay": lambda fault: system.proxies[fault.target].delay(DELAY_SECONDS),
            "throttle": lambda fault: system.proxies[fault.target].throttle(BYTES_PER_SECOND),
            "drop_answer": lambda fault: system.proxies[fault.target].drop_answer(None),
            "forged events": self._forge,
            "repeated events": self._repeat,
            "reordered events": self._reorder,
            "sweeps at once": self._sweep,
            "downloads": self._download,
            "retries": self._retry,
        }

    def begin(self, fault: Fault) -> None:
        """Start a fault."""
        self._do[fault.kind](fault)

    def end(self, fault: Fault) -> None:
        """End a fault that lasts."""
        if fault.kind == "stop":
            self._signal(self._stopped.pop(fault, 0), signal.SIGCONT)
        else:
            self._system.proxies[fault.target].heal()

    def _kill(self, fault: Fault) -> None:
        self._signal(self._system.stack.pid(fault.target), signal.SIGKILL)

    def _stop(self, fault: Fault) -> None:
        self._stopped[fault] = self._system.stack.pid(fault.target)
        self._signal(self._stopped[fault], signal.SIGSTOP)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        # A process that is being restarted has the id 0, which would signal our own group.
        if pid == 0:
            return
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            self._clients.answers["signal: too late"] += 1

    def _jobs(self, pick: float, count: int) -> list[str]:
        """Choose among the jobs that clients know so far."""
        known = list(self._clients.acknowledged)
        start = int(pick * len(known))
        return (known[start:] + known[:start])[:count]

    def _forge(self, fault: Fault) -> None:
        """Send events that no function sent: unknown jobs, other versions, wrong types, and invalid ones."""
        unknown_id, known = str(uuid.UUID(int=int(fault.pick * 2**122), version=4)), self._jobs(fault.pick, 1)
        wrong = [_event(unknown_id, UPLOADED), _event(unknown_id, READY)]
        wrong += [_event(fid, FAILED, {"email": "somebody@example.org", "video_id": unknown_id}) for fid in known]
        for event in wrong:
            for consumer in CONSUMERS:
                self._post(consumer, event, "event" if event["type"] in _accepted_types(consumer) else "poison")
        poison = [b"{", b"[]", json.dumps(_event(unknown_id, UPLOADED) | {"specversion": "9.9"}).encode()]
        for body in poison:
            self._pool.submit(self._publish, [("video.uploaded", body), ("mp3.ready", body)])
            self._call("convert", body, "poison")

    def _repeat(self, fault: Fault) -> None:
        """Deliver the same event several times in parallel, directly and through the queue."""
        for fid in self._jobs(fault.pick, REPEATS):
            for consumer, kind in CONSUMERS.items():
                event = _event(fid, kind)
                for _ in range(AT_ONCE):
                    self._post(consumer, event, "event")
                self._pool.submit(self._publish, [(kind.removeprefix("com.mp3converter."), _encoded(event))] * REPEATS)

    def _reorder(self, fault: Fault) -> None:
        """Send ends before beginnings, and several jobs in another order."""
        fids = self._jobs(fault.pick, AT_ONCE)
        ends = [("mp3.ready", _encoded(_event(fid, READY))) for fid in fids]
        begins = [("video.uploaded", _encoded(_event(fid, UPLOADED))) for fid in reversed(fids)]
        self._pool.submit(self._publish, ends + begins)

    def _sweep(self, fault: Fault) -> None:
        url = f"{self._system.stack.functions['sweep']}/"
        for _ in range(AT_ONCE):
            self._pool.submit(self._clients.told, "sweep", "POST", url, self._bearer, b"")

    def _download(self, fault: Fault) -> None:
        for fid in self._jobs(fault.pick, AT_ONCE):
            self._pool.submit(self._clients.download, fid)

    def _retry(self, fault: Fault) -> None:
        for fid in self._jobs(fault.pick, AT_ONCE):
            self._pool.submit(self._clients.retry, fid)

    def _post(self, consumer: str, event: dict[str, object], what: str) -> None:
        self._call(consumer, _encoded(event), what)

    def _call(self, consumer: str, body: bytes, what: str) -> None:
        url = f"{self._system.stack.functions[consumer]}/"
        headers = {"Content-Type": STRUCTURED, **self._bearer}
        self._pool.submit(self._clients.told, what, "POST", url, headers, body)

    def _publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Publish messages as functions do, but without confirms."""
        parameters = pika.URLParameters(self._system.stack.rabbitmq_functions_url)
        parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = BROKER_SECONDS
        properties = pika.BasicProperties(content_type=STRUCTURED, delivery_mode=2)
        try:
            with closing(pika.BlockingConnection(parameters)) as connection:
                channel = connection.channel()
                for key, body in messages:
                    channel.basic_publish(EXCHANGE, key, body, properties)
        except (AMQPError, OSError) as error:
            self._clients.answers[f"publish: {type(error).__name__}"] += 1


def _accepted_types(consumer: str) -> tuple[str, ...]:
    return (UPLOADED,) if consumer == "convert" else (READY, FAILED)


def _event(fid: str, kind: str, more: dict[str, str] | None = None) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"chaos-{fid}-{kind}",
        "source": "/chaos",
        "type": kind,
        "subject": fid,
        "datacontenttype": "application/json",
        "data": {"id": fid} | (more or {}),
    }


def _encoded(event: dict[str, object]) -> bytes:
    return json.dumps(event).encode()

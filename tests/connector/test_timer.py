"""The timer that stands in for a PingSource."""

from __future__ import annotations

import itertools
import time
import uuid

from cloudevents.http import from_http

from tests.clients.waiting import until
from tests.connector.conftest import Start
from tests.connector.queues import Queues
from tests.connector.sink import Call, Sink

EVERY_SECONDS = 0.2


def test_sweep_is_called_like_a_ping_source_would(queues: Queues, sink: Sink, name: str, start: Start) -> None:
    connector = start(
        CONNECTOR_SINKS=f"{name}={sink.url}", SWEEP_URL=f"{sink.url}sweep", SWEEP_EVERY_SECONDS=EVERY_SECONDS
    )
    until(lambda: len(sink.calls) >= 3, "three calls")
    first = sink.calls[0]
    event = from_http(first.headers, first.body)
    assert (first.path, event["type"]) == ("/sweep", "dev.knative.sources.ping")
    assert event["source"] == "/apis/v1/namespaces/default/pingsources/sweep"
    assert uuid.UUID(event["id"])
    assert (first.headers["content-type"], first.body) == ("application/json", b"{}")
    assert len({call.headers["ce-id"] for call in sink.calls}) == len(sink.calls)
    times = [call.at for call in sink.calls]
    assert times[2] - times[0] >= EVERY_SECONDS
    assert connector.stop() == 0


def test_no_two_calls_of_the_timer_run_at_once_and_failures_do_not_end_it(
    queues: Queues, sink: Sink, name: str, start: Start
) -> None:
    number = itertools.count()

    def answer(call: Call) -> int:
        which = next(number)
        if which == 0:
            # Long enough for several periods, in which no second call may come.
            until(lambda: call.at + 4 * EVERY_SECONDS < time.monotonic(), "time to pass")
        return [200, 500, 0, 204][min(which, 3)]

    sink.answer = answer
    connector = start(CONNECTOR_SINKS=f"{name}={sink.url}", SWEEP_URL=sink.url, SWEEP_EVERY_SECONDS=EVERY_SECONDS)
    until(lambda: len(sink.calls) >= 5, "five calls")
    assert sink.most == 1
    assert [line["outcome"] for line in connector.lines("the call of sweep failed")] == [500, "ConnectionError"]

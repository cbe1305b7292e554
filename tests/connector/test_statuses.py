"""How each status settles a message, and after how many calls: the table of RabbitmqSource."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.clients.waiting import until
from tests.connector.process import Connector
from tests.connector.queues import Message, Queues
from tests.connector.sink import Sink

HANG_UP = 0
RETRY = 2
DONE = [200, 201, 202, 204, 299]
RETRIED = [404, 413, 425, 429, 502, 503, 504, HANG_UP]
REFUSED = [301, 302, 307, 400, 401, 403, 405, 408, 409, 410, 422, 500, 501, 505]


@dataclass
class Run:
    """What was seen after one connector handled a message for every status and ended."""

    sink: Sink
    dead: dict[str, Message]
    left: int
    status: int


@pytest.fixture(scope="module")
def run(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    queues, name = Queues(broker_url), f"q-{uuid.uuid4()}"
    queues.declare(name)
    with closing(Sink()) as sink:
        sink.answer = lambda call: int(call.headers["ce-subject"])
        settings = {
            "RABBITMQ_URL": broker_url,
            "CONNECTOR_SINKS": f"{name}={sink.url}",
            "CONNECTOR_PARALLELISM": "8",
            "CONNECTOR_RETRY": str(RETRY),
            "CONNECTOR_BACKOFF_SECONDS": "0.02",
        }
        with closing(Connector(tmp_path_factory.mktemp("statuses") / "log", settings)) as connector:
            for status in DONE + RETRIED + REFUSED:
                queues.event(name, str(status))
            until(lambda: queues.ready(f"{name}.dead") >= len(RETRIED + REFUSED), "the dead letters", 30)
            until(lambda: {str(status) for status in DONE} <= _subjects(sink), "the other calls")
            status = connector.stop()
        dead = {str(letter[0].message_id): letter for letter in _all(queues, f"{name}.dead")}
        yield Run(sink, dead, queues.ready(name), status)


def _subjects(sink: Sink) -> set[str]:
    return {call.headers["ce-subject"] for call in sink.calls}


def _all(queues: Queues, name: str) -> Iterator[Message]:
    while letter := queues.take(name):
        yield letter


@pytest.mark.parametrize("status", DONE)
def test_any_2xx_settles_the_message_with_one_call(run: Run, status: int) -> None:
    assert len(run.sink.about(str(status))) == 1
    assert f"id-{status}" not in run.dead


@pytest.mark.parametrize("status", RETRIED)
def test_transient_errors_are_retried_and_then_dead_lettered(run: Run, status: int) -> None:
    assert len(run.sink.about(str(status))) == RETRY + 1
    assert f"id-{status}" in run.dead


@pytest.mark.parametrize("status", REFUSED)
def test_any_other_status_is_a_dead_letter_at_once(run: Run, status: int) -> None:
    assert len(run.sink.about(str(status))) == 1
    assert f"id-{status}" in run.dead


def test_every_message_is_settled(run: Run) -> None:
    """Closing the channel requeued nothing: every message was acked or nacked."""
    assert (run.status, run.left) == (0, 0)


def test_redirects_are_not_followed(run: Run) -> None:
    assert {call.path for call in run.sink.calls} == {"/"}


def test_every_attempt_sends_the_same_event(run: Run) -> None:
    tries = run.sink.about("503")
    assert len({(*sorted(call.headers.items()), call.body) for call in tries}) == 1


def test_a_dead_letter_keeps_its_properties(run: Run) -> None:
    letter, body = run.dead["id-503"]
    assert (letter.content_type, letter.delivery_mode) == ("application/cloudevents+json", 2)
    assert letter.headers["x-death"][0]["reason"] == "rejected"
    assert b'"id-503"' in body

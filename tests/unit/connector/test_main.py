"""The connector's shutdown: it waits for its threads for a limited time, or until a second signal."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from functions.connector import __main__ as connector
from functions.connector.__main__ import ENDED

SECONDS = 10


def exit_status(*messages: str, threads: int = 2, grace: float = SECONDS) -> int:
    """Return the exit status of a connector that gets these messages while it shuts down."""
    news: SimpleQueue[str] = SimpleQueue()
    for message in messages:
        news.put(message)
    return connector._await([threading.Thread()] * threads, news, grace)


@pytest.mark.parametrize(
    ("messages", "status"), [([ENDED, ENDED], 0), ([ENDED, "SIGTERM"], 1), (["SIGINT"], 1), ([ENDED, ENDED, ENDED], 0)]
)
def test_it_succeeds_only_if_every_thread_has_ended(messages: list[str], status: int) -> None:
    assert exit_status(*messages) == status


@pytest.mark.parametrize("messages", [[], [ENDED]])
def test_calls_that_take_too_long_are_cut_off(messages: list[str], caplog: pytest.LogCaptureFixture) -> None:
    assert exit_status(*messages, grace=0.01) == 1
    assert "CONNECTOR_GRACE_SECONDS" in caplog.text


def test_a_failing_thread_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise KeyError("a defect")

    news: SimpleQueue[str] = SimpleQueue()
    connector._start("broker", fail, news)
    assert news.get(timeout=SECONDS) == ENDED
    assert [(record.message, vars(record)["failed"]) for record in caplog.records] == [("a thread failed", "broker")]
